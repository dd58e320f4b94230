"""What every object store of files promises: the same suite on memory, a folder and fsspec's own memory."""

from uuid import uuid4

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from headwater.runtime.files import FilesUnavailable, NoFiles, StoreOfFiles
from headwater.runtime.memory.files import MemoryFiles

FILE = "ab" + "0" * 38
DESCRIPTION = {"id": FILE, "mimetype": "image/png", "filename": "a.png"}


@pytest.fixture(scope="module")
def bucket():
    """The URL of a bucket of a real S3 server on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3").mkdir("bucket")
        yield "s3://bucket"
    server.stop()


@pytest.fixture(params=["memory", "folder", "fsspec-memory", "s3"])
def files(request, tmp_path):
    """An empty object store."""
    match request.param:
        case "s3":
            return StoreOfFiles(f"{request.getfixturevalue('bucket')}/{uuid4().hex}")
        case "memory":
            return MemoryFiles()
        case "folder":
            return StoreOfFiles(f"file://{tmp_path}/files")
    return StoreOfFiles(f"memory://{uuid4().hex}")


async def test_bytes_come_back_unchanged(files):
    """Whatever the bytes are, and with what was known of them."""
    content = bytes(range(256)) * 50

    await files.put("da_1", FILE, content, DESCRIPTION)

    kept = await files.get("da_1", FILE)
    assert kept.content == content
    assert kept.description == DESCRIPTION


async def test_putting_again_changes_nothing(files):
    """A repetition after a crash is harmless."""
    for _ in range(3):
        await files.put("da_1", FILE, b"x", DESCRIPTION)

    assert (await files.get("da_1", FILE)).content == b"x"


async def test_a_file_belongs_to_one_dataset(files):
    """What one dataset has, another has not: rights are per dataset."""
    await files.put("da_1", FILE, b"x", DESCRIPTION)

    assert await files.get("da_2", FILE) is None


async def test_variants_are_kept_beside(files):
    """A thumbnail is found again, and is not the file."""
    await files.put("da_1", FILE, b"x", DESCRIPTION)
    await files.put_variant("da_1", FILE, "300", b"small")

    assert await files.get_variant("da_1", FILE, "300") == b"small"
    assert await files.get_variant("da_1", FILE, "100") is None
    assert (await files.get("da_1", FILE)).content == b"x"


async def test_a_dropped_dataset_leaves_nothing(files):
    """Files go with their dataset; dropping twice is harmless."""
    await files.put("da_1", FILE, b"x", DESCRIPTION)
    await files.put("da_2", FILE, b"y", DESCRIPTION)

    await files.drop("da_1")
    await files.drop("da_1")

    assert await files.get("da_1", FILE) is None
    assert (await files.get("da_2", FILE)).content == b"y"


async def test_content_without_description_is_not_there(tmp_path):
    """A put that died in between has left nothing that is served."""
    folder = tmp_path / "da_1" / FILE[:2]
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(b"half")

    assert await StoreOfFiles(f"file://{tmp_path}").get("da_1", FILE) is None


async def test_a_store_that_is_away_says_so(tmp_path):
    """Its failure can be told from a file that is not there."""
    (tmp_path / "files").write_text("a file where a folder should be")

    with pytest.raises(FilesUnavailable):
        await StoreOfFiles(f"file://{tmp_path}/files").put("da_1", FILE, b"x", DESCRIPTION)


async def test_no_store_is_named():
    """Without a setting the sentence says which one is missing."""
    with pytest.raises(NoFiles, match="HEADWATER_FILES_URL"):
        await StoreOfFiles("").get("da_1", FILE)
