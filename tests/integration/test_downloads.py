"""The processor File against a real server and a real folder: from the URL in a record to kept bytes."""

import asyncio
from hashlib import sha1
from io import BytesIO

import pytest
from aiohttp import web
from PIL import ExifTags, Image

from headwater.runtime.clock import SystemClock
from headwater.runtime.files import StoreOfFiles
from headwater.runtime.health import Health
from headwater.runtime.outbound import HttpOutbound
from headwater.runtime.settings import OutboundSettings
from processors.downloads.downloads import Downloads
from processors.downloads.settings import DownloadSettings
from processors.settings import ProcessorSettings
from processors.stack.file import File
from processors.stack.outcomes import Failed, Waiting

pytestmark = pytest.mark.timeout(30)


def picture():
    """Return a JPEG that says where and by what it was taken."""
    made, exif = BytesIO(), Image.Exif()
    exif[ExifTags.Base.Make] = "Canon"
    exif[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (47.0, 30.0, 0.0),
        ExifTags.GPS.GPSLongitudeRef: "E",
        ExifTags.GPS.GPSLongitude: (7.0, 36.0, 0.0),
    }
    Image.new("RGB", (4, 3), "red").save(made, "JPEG", exif=exif)
    return made.getvalue()


PICTURE = picture()


async def cat(_):
    return web.Response(body=PICTURE, content_type="image/jpeg")


async def page(_):
    return web.Response(text="<html>please log in</html>", content_type="text/html")


async def big(_):
    return web.Response(body=bytes(200_000), content_type="application/pdf")


async def inward(_):
    return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})


async def slow(_):
    await asyncio.Event().wait()


@pytest.fixture
async def server():
    app = web.Application()
    app.router.add_get("/cat.jpg", cat)
    for handler in (page, big, inward, slow):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def outbound():
    outbound = HttpOutbound(OutboundSettings(allowed_networks=("127.0.0.1/32",)))
    await outbound.start()
    yield outbound
    await outbound.close()


async def test_a_batch_of_all_kinds_of_addresses(server, outbound, tmp_path):
    """One becomes a file with its bytes and its EXIF fields; each of the others has a sentence of its own."""
    files = StoreOfFiles(tmp_path.as_uri())
    service = Downloads(
        ProcessorSettings(),
        DownloadSettings(max_bytes=100_000, timeout_s=0.5),
        outbound=outbound,
        files=files,
        health=Health(),
        clock=SystemClock(),
    )
    step = File(field="photo", extract_metadata=True).compiled()
    paths = ("cat.jpg", "cat.jpg", "page", "big", "inward", "missing", "slow")
    records = [{"photo": f"{server}/{path}"} for path in paths]

    questions = step.ask(records)
    found = await service.answer(step, set(questions), "da_1")
    first, second, *failed, waiting = step.tell(
        records, list(range(len(records))), [found[question] for question in questions]
    )

    assert first == second
    assert first["photo"]["id"] == sha1(PICTURE, usedforsecurity=False).hexdigest()
    assert (first["photo"]["filename"], first["photo"]["width"]) == ("cat.jpg", 4)
    assert first["exif_make"] == "Canon"
    assert first["exif_location"] == {"lat": 47.5, "lon": 7.6}
    assert (await files.get("da_1", first["photo"]["id"])).content == PICTURE
    assert all(isinstance(one, Failed) for one in failed)
    for one, part in zip(failed, ("web page", "100000 bytes", "169.254.169.254", "404"), strict=True):
        assert part in one.message
    assert isinstance(waiting, Waiting)
    assert waiting.provider == "file"
    assert server.removeprefix("http://") in waiting.message
