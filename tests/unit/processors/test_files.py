"""Which files came with records, and what are they?"""

from base64 import b64encode
from hashlib import sha1
from io import BytesIO

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from headwater.domain.files import BrokenFile, StoredFile, may_hold_files
from headwater.domain.inference import infer
from headwater.domain.schema import Rung
from headwater.domain.types import read_file
from headwater.runtime.health import Health
from headwater.runtime.kafka.runs import Message, Run
from headwater.runtime.kafka.topics import Op
from headwater.runtime.memory.files import MemoryFiles
from processors.files import take_files
from processors.keeper import Keeper
from processors.media import stored_file
from processors.parsing import parse
from processors.settings import ProcessorSettings


def picture(kind="PNG", size=(4, 3), **options):
    """Return an image's bytes."""
    made = BytesIO()
    Image.new("RGB", size, "red").save(made, kind, **options)
    return made.getvalue()


def pushed(content, mimetype="image/png", key="content-type", **more):
    """Return a file as it is pushed."""
    return {"content": b64encode(content).decode(), key: mimetype, **more}


@pytest.mark.parametrize("key", ["content-type", "content_type"])
def test_an_image_is_described(key):
    """Both spellings of the type; id, size in pixels, format and a name made of the id."""
    content = picture()

    described, back = stored_file(pushed(content, key=key))

    digest = sha1(content, usedforsecurity=False).hexdigest()
    assert back == content
    assert described == {
        "id": digest,
        "filename": f"{digest}.png",
        "format": "png",
        "mimetype": "image/png",
        "size": len(content),
        "width": 4,
        "height": 3,
    }


def test_the_documented_type_of_jpeg_is_none_but_works():
    """The seed's own example says image/jpg; it is served as what it is."""
    described, _ = stored_file(pushed(picture("JPEG"), "image/jpg"))

    assert described["mimetype"] == "image/jpeg"
    assert described["format"] == "jpg"


def test_orientation_is_kept():
    """A phone's picture says how it was held."""
    exif = Image.Exif()
    exif[0x0112] = 6

    described, _ = stored_file(pushed(picture("JPEG", exif=exif), "image/jpeg"))

    assert described["exif_orientation"] == 6


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (pushed(picture("PNG"), "image/jpeg"), "and is PNG"),
        (pushed(b"<script>", "image/png"), "no image"),
        (pushed(picture()[:20], "image/png"), "no image"),
        ({"content": "!!", "content-type": "image/png"}, "not base64"),
        (pushed(b"x", "nonsense"), "not a type"),
        (pushed(b"x", "text/html\r\nX: y"), "not a type"),
    ],
)
def test_what_is_not_what_it_says_is_a_field_error(value, reason):
    """Bytes of another type, no base64, no type: the field has an error, the rest of the record has not."""
    broken, content = stored_file(value)

    assert isinstance(broken, BrokenFile)
    assert content == b""
    with pytest.raises(ValueError, match=reason):
        read_file(broken)
    with pytest.raises(ValueError, match=reason):
        infer(broken)


@given(st.text(max_size=400))
def test_names_lose_what_is_dangerous(name):
    """No path, no control character, bounded."""
    described, _ = stored_file(pushed(b"x", "text/plain", filename=name))

    assert not set("/\\\r\n\0") & set(described["filename"])
    assert 0 < len(described["filename"]) <= 200


@given(st.binary(max_size=2000), st.sampled_from(["image/png", "image/gif", "image/webp", "image/tiff"]))
def test_any_bytes_are_answered(content, mimetype):
    """Random bytes as an image: described or broken, never an exception."""
    described, _ = stored_file(pushed(content, mimetype))

    assert isinstance(described, (StoredFile, BrokenFile))


def run_of(*records):
    """Return a run with these records in one message."""
    message = Message(0, 1_700_000_000_000, orjson.dumps(list(records)), ())
    return Run("raw", 0, 0, 1, (), [message])


def test_records_keep_descriptions_and_bytes_leave():
    """Equal contents are kept once; a stored file is inferred as one and identified by its content."""
    content = picture()
    run = run_of({"a": 1, "photo": pushed(content)}, {"a": 2, "photo": pushed(content)}, {"a": 3})
    arrivals = parse(run)

    found = take_files(run, arrivals)

    assert [one.content for one in found] == [content]
    rung, reading = infer(arrivals.records[0]["photo"])
    assert rung is Rung.FILE
    assert reading.spelt == sha1(content, usedforsecurity=False).hexdigest()
    assert b"content" not in orjson.dumps(orjson.loads(reading.stored)).replace(b"content-type", b"")
    assert arrivals.records[2] == {"a": 3}


def test_looking_like_a_stored_file_is_not_being_one():
    """Somebody who pushes a description has no bytes behind it: it is an ordinary object."""
    rung, _ = infer({"id": "0" * 40, "mimetype": "image/png", "filename": "x", "format": "png", "size": 1})

    assert rung is Rung.TEXT


def test_runs_without_files_are_not_looked_through():
    """A word in the bytes decides."""
    assert not may_hold_files(b'{"content":"x"}')
    assert may_hold_files(b'{"p":{"content":"x","content_type":"image/png"}}')


def test_without_a_store_files_are_values_that_do_not_fit():
    """The field has an error that names the missing setting; nothing is to be kept."""
    run = run_of({"a": 1, "photo": pushed(picture())})
    arrivals = parse(run)

    assert take_files(run, arrivals, "no store") == ()
    with pytest.raises(ValueError, match="no store"):
        infer(arrivals.records[0]["photo"])


class ShakyFiles(MemoryFiles):
    """An object store that is away for the first attempts."""

    attempts = 0

    async def put(self, *arguments):
        self.attempts += 1
        self.available = self.attempts > 2
        await super().put(*arguments)


@pytest.mark.parametrize(("op", "kept"), [(Op.UPSERT, 1), (Op.MERGE, 1), (Op.DELETE, 0)])
async def test_bytes_are_kept_before_rows_leave(op, kept):
    """However long the store is away; a deletion keeps nothing and knows the same id."""
    files = ShakyFiles()
    keeper = Keeper(ProcessorSettings(retry_first_s=0.01), files, Health())
    content = picture()
    run = run_of({"photo": pushed(content)})
    arrivals = parse(run)

    await keeper.keep("da_1", op, run, arrivals)

    file_id = arrivals.records[0]["photo"]["id"]
    assert len(files.kept) == kept
    if kept:
        assert (await files.get("da_1", file_id)).content == content
