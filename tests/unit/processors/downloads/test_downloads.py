"""Does every URL of a batch get its answer, at the price of one fetch each?"""

import asyncio
from hashlib import sha1
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from headwater.runtime.clock import ManualClock
from headwater.runtime.health import Health
from headwater.runtime.memory.files import MemoryFiles
from headwater.runtime.memory.outbound import MemoryOutbound
from headwater.runtime.outbound import Fetched, ForbiddenAddress, NotFetched, SourceUnavailable
from processors.downloads.downloads import GIVE_UP_HOST_AFTER, Downloads
from processors.downloads.settings import DownloadSettings
from processors.settings import ProcessorSettings
from processors.stack.file import Away, Downloaded, File, NotDownloaded

STEP = File(field="photo").compiled()
WITH_METADATA = File(field="photo", extract_metadata=True).compiled()


def picture():
    made, exif = BytesIO(), Image.Exif()
    exif[ExifTags.Base.Make] = "Canon"
    Image.new("RGB", (4, 3), "red").save(made, "JPEG", exif=exif)
    return made.getvalue()


def fetched(content=b"hello", content_type="text/plain", filename="hello.txt", url="http://a.org/x"):
    return Fetched(content=content, content_type=content_type, filename=filename, url=url)


def url(number, host="a.org"):
    return f"http://{host}/{number}"


@pytest.fixture
def files():
    return MemoryFiles()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def downloads(files, clock):
    """Return a maker of the service for some pages; `.outbound` of it is the internet."""

    def make(pages, *, store=files, **settings):
        made = Downloads(
            ProcessorSettings(retry_first_s=0.01),
            DownloadSettings(**settings),
            outbound=MemoryOutbound(pages),
            files=store,
            health=Health(),
            clock=clock,
        )
        made.outbound = made._outbound
        return made

    return make


async def test_a_file_is_described_and_kept(downloads, files):
    """Under the SHA-1 of its content, for the dataset that asks, before the answer is given."""
    content = picture()
    service = downloads({url(1): fetched(content, "image/jpg", "a/cat.jpg")})

    answers = await service.answer(STEP, [url(1)], "da_1")

    digest = sha1(content, usedforsecurity=False).hexdigest()
    assert answers == {
        url(1): Downloaded(
            {
                "id": digest,
                "filename": "a_cat.jpg",
                "format": "jpg",
                "mimetype": "image/jpeg",
                "size": len(content),
                "width": 4,
                "height": 3,
            },
            {},
        )
    }
    assert files.kept["da_1", digest].content == content
    assert files.kept["da_1", digest].description == answers[url(1)].file


async def test_metadata_is_read_when_it_is_asked_for(downloads):
    """Which costs nothing otherwise."""
    service = downloads({url(1): fetched(picture(), "image/jpeg")})

    answers = await service.answer(WITH_METADATA, [url(1)], "da_1")

    assert answers[url(1)].metadata == {"exif_make": "Canon"}


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (fetched(b"<html>", "text/html"), "web page"),
        (fetched(b"<html>", "application/octet-stream", "page.html"), "web page"),
        (fetched(b"no image", "image/jpeg"), "no image that can be read"),
        (fetched(picture(), "image/png"), "and is JPEG"),
        (fetched(b"x", "nonsense"), "not a type"),
        (fetched(b"x" * 10_001), "more than 10000 bytes"),
        (NotFetched("it answered 404"), "404"),
        (ForbiddenAddress("10.0.0.1 is not a public address"), "not a public address"),
    ],
)
async def test_what_cannot_be_had_is_an_answer(downloads, files, page, sentence):
    """The others of the batch are not touched, and nothing is kept of it."""
    service = downloads({url(1): page, url(2): fetched()}, max_bytes=10_000)

    answers = await service.answer(STEP, [url(1), url(2)], "da_1")

    assert isinstance(answers[url(1)], NotDownloaded)
    assert sentence in answers[url(1)].message
    assert isinstance(answers[url(2)], Downloaded)
    assert len(files.kept) == 1


async def test_where_the_server_knows_no_type_the_name_says_it(downloads):
    """Object stores often say octet-stream of everything."""
    service = downloads({url(1): fetched(picture(), "application/octet-stream", "cat.jpeg")})

    answers = await service.answer(STEP, [url(1)], "da_1")

    assert answers[url(1)].file["mimetype"] == "image/jpeg"


async def test_a_server_that_is_away_is_not_remembered(downloads):
    """The record is tried again later, and so is the server."""
    service = downloads({url(1): SourceUnavailable("a.org answered 503")})

    assert await service.answer(STEP, [url(1)], "da_1") == {url(1): Away("a.org", "a.org answered 503")}
    service.outbound.pages[url(1)] = fetched()

    assert isinstance((await service.answer(STEP, [url(1)], "da_1"))[url(1)], Downloaded)


async def test_a_dead_server_does_not_cost_a_time_out_for_each_of_its_addresses(downloads):
    """After a few it is given up for this batch; other servers are still asked."""
    dead = {url(number, "dead.org"): SourceUnavailable("time-out") for number in range(50)}
    service = downloads({**dead, url(1): fetched()}, at_once=1)

    answers = await service.answer(STEP, [*dead, url(1)], "da_1")

    assert all(isinstance(answers[one], Away) for one in dead)
    assert isinstance(answers[url(1)], Downloaded)
    assert len(service.outbound.asked) == GIVE_UP_HOST_AFTER + 1


async def test_an_address_is_not_fetched_again_for_a_while(downloads, clock):
    """Not even one that cannot be had; after that while it may have changed."""
    service = downloads({url(1): fetched()}, remembered_s=60)
    await service.answer(STEP, [url(1), url(2)], "da_1")
    await service.answer(STEP, [url(1), url(2)], "da_1")
    assert sorted(service.outbound.asked) == [url(1), url(2)]

    clock.advance(60)
    await service.answer(STEP, [url(1)], "da_1")

    assert len(service.outbound.asked) == 3


async def test_each_dataset_keeps_its_own_bytes(downloads, files):
    """A remembered answer of one is no file of the other."""
    service = downloads({url(1): fetched()})
    for dataset in ("da_1", "da_2"):
        await service.answer(STEP, [url(1)], dataset)

    assert [dataset for dataset, _ in files.kept] == ["da_1", "da_2"]


async def test_without_an_object_store_nothing_is_fetched(downloads):
    """The sentence names the setting."""
    service = downloads({url(1): fetched()}, store=None)

    answers = await service.answer(STEP, [url(1)], "da_1")

    assert "HEADWATER_FILES_URL" in answers[url(1)].message
    assert service.outbound.asked == []


class ShakyFiles(MemoryFiles):
    """An object store that is away for the first attempts."""

    attempts = 0

    async def put(self, *arguments):
        self.attempts += 1
        self.available = self.attempts > 2
        await super().put(*arguments)


async def test_an_object_store_that_is_away_is_waited_for(downloads):
    """The file is not fetched again for it, and no record goes on without its bytes."""
    shaky = ShakyFiles()
    service = downloads({url(1): fetched()}, store=shaky)

    await service.answer(STEP, [url(1)], "da_1")

    assert len(shaky.kept) == 1
    assert service.outbound.asked == [url(1)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=50).map("http://".__add__))
def test_any_url_is_answered(downloads, url):
    """Even one that no parser takes, such as http://[."""
    answers = asyncio.run(downloads({}).answer(STEP, [url], "da_1"))

    assert isinstance(answers[url], NotDownloaded)


class SlowOutbound:
    """An internet that notes how many fetch at the same time."""

    def __init__(self):
        self.now = self.most = 0

    async def fetch(self, *_, **__):
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(5):
            await asyncio.sleep(0)
        self.now -= 1
        return fetched()


async def test_a_bounded_number_is_fetched_at_once(downloads):
    """Over all batches of the process."""
    service = downloads({}, at_once=3)
    service._outbound = slow = SlowOutbound()

    batches = [[url(10 * batch + number) for number in range(10)] for batch in range(3)]
    await asyncio.gather(*(service.answer(STEP, batch, "da_1") for batch in batches))

    assert slow.most == 3


async def test_files_that_would_take_too_long_wait_for_a_later_try(downloads):
    """A batch of thousands does not hold its run for as long as all of them take."""
    service = downloads({url(1): fetched(), url(2): fetched()}, at_once=1, call_max_s=0.01)
    fetch = service.outbound.fetch

    async def slowly(*args, **kwargs):
        await asyncio.sleep(0.02)
        return await fetch(*args, **kwargs)

    service.outbound.fetch = slowly
    answers = await service.answer(STEP, [url(1), url(2)], "da_1")

    assert [type(answers[url(number)]) for number in (1, 2)] == [Downloaded, Away]
