"""Stacks that ask somebody else, through everything: a geocoder, another dataset, a server of files."""

import asyncio
from collections import Counter
from io import BytesIO

import pytest
from PIL import Image

from headwater.runtime.kafka.groups import KafkaOffsets, has_passed
from headwater.runtime.settings import KafkaSettings
from tests.assertions import assert_refused, eventually
from tests.e2e.listeners import Site
from tests.e2e.stack import Stack

WAIT = {"wait": True, "timeout": 20}
FIRST_TIER_S = 5.0  # after which a postponed record is tried again
REFRESH_S = 1.0  # after which a change of a joined dataset counts
LIMIT = 20  # records from which on a dataset is too large to be joined
PLACES = {
    "8 bd du port, amiens": (49.897443, 2.290084),
    "1 rue de la paix, paris": (48.868829, 2.330782),
    "quai de la daurade, toulouse": (43.600906, 1.439822),
}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def outside():
    """A geocoder and a server of files."""
    with Site() as site:
        site.places |= PLACES
        yield site


@pytest.fixture
def site(outside):
    """The same, down at first, with nothing asked."""
    outside.is_up = False
    outside.asked.clear()
    yield outside
    outside.is_up = True


@pytest.fixture(scope="module")
def stack(tmp_path_factory, outside):
    """A running stack that asks our own servers, gives up at its second try, and settles soon."""
    settings = {
        "GEOCODING_BAN_URL": f"{outside.url}/geocoder",
        "GEOCODING_BAN_RATE_PER_S": "1000",
        "GEOCODING_FAILURES_TO_REST": "1000",  # so that the questions can be counted
        "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PROCESSOR_GIVE_UP_AFTER_S": "1",
        "PROCESSOR_JOIN_LIMIT_RECORDS": str(LIMIT),
        "PROCESSOR_CATALOG_MAX_AGE_S": "2",
        "SCHEDULER_REPUBLISH_QUIET_S": "2",
        "SCHEDULER_REPUBLISH_EVERY_S": "2",
        "SCHEDULER_REBUILD_SETTLE_S": "4",
    }
    stack = Stack(tmp_path_factory.mktemp("look-ups"), settings=settings)
    stack.start()
    yield stack
    stack.stop()


async def open_with(api, dataset_id, *processors):
    """Make a dataset with the key n and a stack."""
    dataset = await api.open_dataset(dataset_id, key=["n"], publish=False)
    for document in processors:
        await api.make(f"/datasets/{dataset.uid}/processors/", document)
    await api.publish(dataset.uid)
    return dataset


async def ask(api, dataset, records, **parameters):
    """Send records, and wait until all is searchable that does not wait for somebody else."""
    answer = await api.ask(dataset, records, **parameters, **WAIT)
    assert (answer.status, answer.body.get("visible")) == (200, True), answer


async def push(api, dataset, records):
    await ask(api, dataset, records)


async def shown(api, dataset, name):
    """Return what readers see in one field: value by n."""
    return {one["n"]: one.get(name) for one in await api.records(dataset, "n")}


async def shows(api, dataset, name, expected):
    assert await shown(api, dataset, name) == expected


async def reasons(api, dataset):
    """Return why records wait in quarantine: (field, message) by n."""
    found = (await api.manage("GET", f"/datasets/{dataset.uid}/quarantine/")).body["results"]
    return {
        one["record"]["n"]: [(error["field"], error["message"]) for error in one["errors"]] for one in found
    }


async def through(stack):
    """Wait until the processors have finished all that was pushed: what dies then takes none of it again."""
    kafka = KafkaSettings(bootstrap=stack.state["kafka"])
    topics, offsets = kafka.topics, KafkaOffsets(kafka)
    try:
        ends, starts = await offsets.ends(topics.raw), await offsets.starts(topics.raw)

        async def finished():
            assert has_passed(await offsets.committed(topics.processors_group, topics.raw), ends, starts)

        await eventually(finished, within_s=FIRST_TIER_S - 1, every_s=0.1)
    finally:
        await offsets.close()


# Geocoders

GEOCODE = {"type": "geocode_with_ban", "address": "street", "city": "town", "output_field": "place"}


def spellings(start):
    """Return records of every place, each spelt in three ways, and where they are."""
    records, places = [], {}
    for address, (lat, lon) in PLACES.items():
        street, town = address.split(", ")
        for spelt in (street, street.upper(), f"  {street.title()} "):
            number = start + len(records)
            records.append({"n": number, "street": spelt, "town": town})
            places[number] = {"lat": lat, "lon": lon}
    return records, places


async def waits(api, before, count):
    """So many records wait: acknowledged, and not counted as processed."""
    grown = (await api.counters()) - before
    assert grown["postponed_records_total"] == count
    assert grown["push_records_total"] - grown["processed_records_total"] == count


def without_address(start):
    """Return records that there is nothing to ask for."""
    return [{"n": start}, {"n": start + 1, "street": None, "town": "amiens"}, {"n": start + 2, "street": ""}]


async def test_records_wait_for_a_geocoder_and_are_not_lost(stack, api, site):
    """Those beside them do not; each address is asked for once; and a processor that dies loses nothing."""
    dataset = await open_with(api, "geocoded", GEOCODE)
    records, places = spellings(100)
    nowhere = dict.fromkeys((1, 2, 3))
    before = await api.counters()
    began = asyncio.get_running_loop().time()
    await push(api, dataset, [*without_address(1), *records])
    assert asyncio.get_running_loop().time() - began < FIRST_TIER_S
    assert await shown(api, dataset, "place") == nowhere
    assert Counter(site.asked) == dict.fromkeys(PLACES, 1)
    await through(stack)
    await eventually(lambda: waits(api, before, len(records)))
    old = stack.kill("processors")
    site.is_up = True
    site.asked.clear()
    await stack.restarted("processors", old)
    await eventually(lambda: shows(api, dataset, "place", nowhere | places), within_s=30, every_s=0.2)
    assert Counter(site.asked) == dict.fromkeys(PLACES, 1)
    assert await reasons(api, dataset) == {}

    site.asked.clear()
    again, places_again = spellings(200)
    await push(api, dataset, [*again, {"n": 300, "street": "no such street"}])
    assert await shown(api, dataset, "place") == nowhere | places | places_again | {300: None}
    assert site.asked == ["no such street"], "what was answered is remembered"


async def test_what_happens_while_records_wait_counts(api, site):
    """They are tried again soon, with the version that they were sent with: what was sent since wins."""
    site.places["7 rue basse, lille"] = (50.636565, 3.063528)
    lille = {"lat": 50.636565, "lon": 3.063528}
    late = {"street": "7 rue Basse", "town": "Lille"}
    republished = await open_with(api, "republished", GEOCODE)
    rebuilt = await open_with(api, "rebuilt", GEOCODE)
    files = await open_with(api, "late-files", {"type": "file", "field": "photo"})
    site.files["late.txt"] = ("text/plain", b"late")
    dataset = await open_with(api, "meanwhile", GEOCODE)
    await push(api, dataset, [{"n": 1, "note": "old"}])
    await push(api, republished, [{"n": 1, **late}])
    await push(api, rebuilt, [{"n": 1, **late, "note": "wet"}, {"n": 2, "note": "wet"}])
    await push(api, files, [{"n": 1, "photo": f"{site.url}/files/late.txt"}, {"n": 2}])
    await push(api, dataset, [{"n": number, **late} for number in (2, 3, 4, 5)])
    await ask(api, dataset, [{"n": 1, **late}], merge=True)

    await ask(api, dataset, [{"n": 1, "note": "new"}], merge=True)
    await ask(api, dataset, [{"n": 3}], tail="delete/")
    await ask(api, dataset, [{"n": 4, **late}], tail="delete/")
    await push(api, dataset, [{"n": 5, "note": "new"}])
    await api.unpublish(republished.uid)
    await api.publish(republished.uid)
    dry = {"type": "string_replace", "field": "note", "old": "wet", "new": "dry"}
    await api.make(f"/datasets/{rebuilt.uid}/processors/", dry)
    await api.publish(rebuilt.uid)
    assert await shown(api, dataset, "note") == {1: "new", 5: "new"}
    assert (await shown(api, files, "photo")).keys() == {2}
    site.is_up = True

    places = {1: lille, 2: lille, 5: None}
    await eventually(lambda: shows(api, dataset, "place", places), within_s=3 * FIRST_TIER_S, every_s=0.2)
    assert await shown(api, dataset, "note") == {1: "new", 2: None, 5: "new"}
    await api.built(rebuilt)
    await eventually(lambda: shows(api, rebuilt, "place", {1: lille, 2: None}))
    assert await shown(api, rebuilt, "note") == {1: "dry", 2: "dry"}
    assert await shown(api, republished, "place") == {}
    photos = await shown(api, files, "photo")
    assert photos[2] is None
    async with api.session.get(photos[1]["url"]) as response:
        assert await response.read() == b"late"


async def test_records_are_stored_without_an_answer_in_the_end(stack, api, site):
    """Also when the processor died meanwhile; pushed once more, they have it."""
    dataset = await open_with(api, "given-up", GEOCODE)
    address = "9 rue de nulle part, nice"
    record = {"n": 1, "street": "9 rue de nulle part", "town": "Nice"}
    await push(api, dataset, [record])
    assert await shown(api, dataset, "place") == {}
    await through(stack)
    old = stack.kill("processors")
    await stack.restarted("processors", old)
    await eventually(lambda: shows(api, dataset, "place", {1: None}), within_s=30, every_s=0.2)
    assert (await api.counters())["given_up_records_total"] == 1

    site.places[address] = (43.7, 7.25)
    site.is_up = True
    await push(api, dataset, [record])
    assert await shown(api, dataset, "place") == {1: {"lat": 43.7, "lon": 7.25}}


# Joins


def join(remote, **more):
    """Return a join with a dataset of stations."""
    keys = {"local_key": ["station"], "remote_key": ["id"], "output_fields": ["name"]}
    return {"type": "join_dataset", "dataset": remote, **keys, **more}


def stations(count):
    return [{"id": f"S{number}", "name": f"old {number}"} for number in range(count)]


def readings(count):
    return [{"n": number, "station": f"s{number % 5}"} for number in range(count)]


async def test_a_change_of_a_joined_dataset_counts(api):
    """For new records soon, and for those that are stored where their owner wants that."""
    remote = await api.open_dataset("stations", key=["id"], bootstrap=stations(1))
    await push(api, remote, stations(4))
    kept = await open_with(api, "kept", join("stations"))
    live = await open_with(api, "live", join("stations", republish_all_records_upon_update=True))
    names = {number: f"old {number % 5}" if number % 5 < 4 else None for number in range(20)}
    for dataset in (kept, live):
        await push(api, dataset, readings(20))
        assert await shown(api, dataset, "name") == names

    await push(api, remote, [{"id": "S1", "name": "new 1"}, {"id": "S4", "name": "new 4"}])
    await ask(api, remote, [{"id": "S2"}], tail="delete/")
    changed = {1: "new 1", 2: None, 4: "new 4"}
    number = 100

    async def joined():
        nonlocal number
        number += 10
        fresh = [{"n": number + place, "station": f"s{place}"} for place in range(5)]
        await push(api, kept, fresh)
        found = await shown(api, kept, "name")
        assert [found[number + place] for place in range(5)] == ["old 0", "new 1", None, "old 3", "new 4"]

    await eventually(joined, within_s=REFRESH_S + 4, every_s=0.1)
    assert {n: name for n, name in (await shown(api, kept, "name")).items() if n < 100} == names
    made_again = {n: changed.get(n % 5, name) for n, name in names.items()}
    await eventually(lambda: shows(api, live, "name", made_again), within_s=40, every_s=0.3)
    await push(api, live, [{"n": 100, "station": "S1"}])
    assert await shown(api, live, "name") == made_again | {100: "new 1"}


async def test_a_join_waits_for_the_store(stack, api):
    """Records that come while it is away are neither refused nor stored without what is joined."""
    remote = await api.open_dataset("few-stations", key=["id"], bootstrap=stations(1))
    await push(api, remote, stations(5))
    dataset = await open_with(api, "joined-late", join("few-stations"))
    old = stack.kill("store")
    assert (await api.push(dataset, readings(20))).status == 200
    await stack.restarted("store", old)
    names = {number: f"old {number % 5}" for number in range(20)}
    await eventually(lambda: readable(api, dataset, names), within_s=30, every_s=0.2)
    assert await reasons(api, dataset) == {}


async def readable(api, dataset, names):
    """The same as `shows`, while the store may be away."""
    answer = await api.explore(f"/{dataset.dataset_id}/records", limit=0)
    assert answer.status == 200
    await shows(api, dataset, "name", names)


async def test_a_large_dataset_is_not_joined(api):
    """Records wait in quarantine, and the reason says how large it is and may be."""
    remote = await api.open_dataset("many-stations", key=["id"], bootstrap=stations(1))
    await push(api, remote, stations(LIMIT))
    dataset = await open_with(api, "too-much", join("many-stations"))
    await push(api, dataset, readings(2))
    assert await api.total_count(dataset) == 0
    sentence = (
        f"join_dataset: dataset 'many-stations' has {LIMIT} records; only datasets of fewer than {LIMIT} can "
        "be joined"
    )
    [first, second] = (await eventually(lambda: refused(api, dataset, 2))).values()
    assert first == second == [(None, sentence)]


async def refused(api, dataset, count):
    found = await reasons(api, dataset)
    assert len(found) == count, found
    return found


async def test_a_join_without_its_dataset_cannot_be_saved(api):
    """The parameter to blame is named."""
    dataset = await api.open_dataset("lonely", publish=False)
    answer = await api.manage("POST", f"/datasets/{dataset.uid}/processors/", join("nowhere-to-be-found"))
    assert_refused(answer, 400, "validation_error")
    assert "there is no dataset 'nowhere-to-be-found'" in answer.body["message"]


# Files


async def test_a_file_is_downloaded_and_served(api, site):
    """As it was; what is not there, or is not for the public, is refused with its reason."""
    picture = BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(picture, "PNG")
    site.files["gate.png"] = ("image/png", picture.getvalue())
    site.is_up = True
    dataset = await open_with(api, "pictures", {"type": "file", "field": "photo"})
    records = [
        {"n": 1, "photo": f"{site.url}/files/gate.png"},
        {"n": 2, "photo": "http://10.0.0.1/gate.png"},
        {"n": 3, "photo": f"{site.url}/files/missing.png"},
        {"n": 4, "photo": None},
    ]
    await push(api, dataset, records)

    photos = await shown(api, dataset, "photo")
    assert photos.keys() == {1, 4}
    assert (photos[1]["width"], photos[1]["height"], photos[1]["filename"]) == (64, 48, "gate.png")
    async with api.session.get(photos[1]["url"]) as response:
        assert response.headers["Content-Type"] == "image/png"
        assert await response.read() == picture.getvalue()
    forbidden = "file: 10.0.0.1 is not a public address (HEADWATER_OUTBOUND_ALLOWED_NETWORKS)"
    missing = f"file: {site.url}/files/missing.png answered 404"
    assert await eventually(lambda: refused(api, dataset, 2)) == {
        2: [("photo", forbidden)],
        3: [("photo", missing)],
    }
