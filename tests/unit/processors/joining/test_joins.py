"""Joins answer what the store says, as fresh as they promise, and hold no more than they may."""

import asyncio

import pytest

from headwater.domain.errors import StoreUnavailable
from headwater.domain.points import GeoPoint
from headwater.domain.schema import Rung, Schema
from processors.stack.join import Unjoinable
from tests.unit.processors.joining.world import UID, World, step_of

SMALL, LARGE = {}, {"whole_records": 0}
BASEL, BERN = {"_id": "1", "code": "BS", "name": "Basel"}, {"_id": "2", "code": "BE", "name": "Bern"}


@pytest.fixture(params=[SMALL, LARGE], ids=["whole", "recent"])
async def world(request):
    """Cities that are held whole, or asked for as they are needed."""
    return await World(**request.param).start()


async def test_answers_are_the_records_with_an_equal_key(world):
    """In the order of their ids, with exactly the fields that were asked for."""
    await world.put(
        BASEL, BERN, {"_id": "3", "code": "bé", "name": "Biel", "size": 5}, {"_id": "4", "name": "?"}
    )

    assert await world.ask("bs", "BE", "ZH", None) == [
        [{"name": "Basel"}],
        [{"name": "Bern"}, {"name": "Biel"}],
        [],
        [],
    ]


async def test_numbers_compare_as_numbers(world):
    """In a text field of the other dataset, and in one of integers and decimals."""
    await world.put(
        {"_id": "1", "code": "01262", "size": 2, "name": "a"}, {"_id": "2", "size": 2.5, "name": "b"}
    )

    assert await world.ask(1262) == [[{"name": "a"}]]
    by_size = {"remote_key": ("size",)}
    assert await world.ask("2,0", "2.50", "two", **by_size) == [[{"name": "a"}], [{"name": "b"}], []]


async def test_several_keys_are_compared_pairwise(world):
    """All of them must match."""
    await world.put({**BASEL, "size": 1}, {"_id": "2", "code": "BS", "size": 2, "name": "b"})
    step = step_of(local_key=("code", "n"), remote_key=("code", "size"))
    questions = step.ask([{"code": "bs", "n": "2"}, {"code": "bs", "n": 3}])

    answers = await world.joins.answer(step, questions, "da_2")

    assert [answers.get(question, ()) for question in questions] == [({"name": "b"},), ()]


async def test_case_counts_where_it_is_to(world):
    """Each way of joining has its own view of the dataset."""
    await world.put(BASEL, {"_id": "2", "code": "bs", "name": "b"})

    assert await world.ask("bs", case_sensitive=True) == [[{"name": "b"}]]
    assert await world.ask("bs") == [[{"name": "Basel"}, {"name": "b"}]]


async def test_all_fields_are_retrieved_by_the_names_that_readers_see():
    """A renamed field has its new name; the key is a field as well."""
    rename = ("rename", {"from_name": "name", "to_name": "title"})
    world = await World().start(fields=[rename])
    await world.put(BASEL)

    found = await world.ask("BS", retrieve_all_fields=True, output_fields=())

    assert found == [[{"code": "BS", "title": "Basel", "size": None}]]


async def test_dataset_without_any_record_matches_nothing(world):
    """Not even its table is there."""
    assert await world.ask("BS") == [[]]


async def test_questions_are_asked_once(world):
    """What is in memory costs the store nothing."""
    await world.put(BASEL, BERN)
    await world.ask("BS", "ZH")
    reads = world.store.reads
    await world.ask("bs", "BS", "zh")
    await world.ask("BS", "ZH")

    assert world.store.reads == reads == 1


async def test_many_questions_are_one_read():
    """All that are not known yet go to the store together."""
    world = await World(**LARGE).start()
    await world.put(*({"_id": f"{n:04}", "code": f"c{n}", "name": f"n{n}"} for n in range(1500)))

    found = await world.ask(*(f"c{n}" for n in range(1500)))

    assert found == [[{"name": f"n{n}"}] for n in range(1500)]
    assert world.store.reads == 1


async def test_change_counts_after_the_refresh(world):
    """A join that is made `refresh_s` after the news has what it told of; sooner it may."""
    await world.put(BASEL)
    assert await world.ask("BS") == [[{"name": "Basel"}]]

    world.now.s += 0.5
    await world.put({**BASEL, "name": "Bâle"}, BERN)
    world.now.s += 1.0

    assert await world.ask("BS", "BE") == [[{"name": "Bâle"}], [{"name": "Bern"}]]


async def test_dataset_that_changes_all_the_time_is_read_once_in_a_while(world):
    """At most every `refresh_s`, however often it is told and asked."""
    await world.put(BASEL)
    await world.ask("BS")
    reads = world.store.reads
    for _ in range(100):
        world.now.s += 0.1
        world.joins.note(UID)
        await world.ask("BS")

    assert 9 <= world.store.reads - reads <= 11


async def test_dataset_that_changes_all_the_time_is_not_read_whole_for_every_change():
    """What is asked for is, until the dataset has been quiet for long enough to be worth it."""
    world = await World().start()
    await world.put(*({"_id": f"{n:04}", "code": f"c{n}", "name": "n"} for n in range(500)))

    async def slowly():
        world.now.s += 0.5

    world.store.before_read = slowly
    await world.ask("c1")
    assert world.joins.held_records == 500
    for _ in range(5):
        await world.put({"_id": "0001", "code": "c1", "name": "new"})
        world.now.s += 1
        assert await world.ask("c1") == [[{"name": "new"}]]
        assert world.joins.held_records == 1

    world.now.s += 10
    world.joins.note(UID)
    assert await world.ask("c1") == [[{"name": "new"}]]
    assert world.joins.held_records == 500


async def test_change_while_reading_is_not_missed(world):
    """What was told while a page was on its way may not be on it."""
    await world.put(BASEL)

    async def meanwhile():
        world.joins.note(UID)

    world.store.before_read = meanwhile
    await world.ask("BS")
    await world.put({**BASEL, "name": "Bâle"}, told=False)
    world.now.s += 1.0

    assert await world.ask("BS") == [[{"name": "Bâle"}]]


async def test_without_news_nothing_is_held_for_longer_than_its_age(world):
    """News is no promise."""
    await world.put(BASEL)
    await world.ask("BS")
    await world.put({**BASEL, "name": "Bâle"}, told=False)

    world.now.s += 299
    assert await world.ask("BS") == [[{"name": "Basel"}]]
    world.now.s += 1
    assert await world.ask("BS") == [[{"name": "Bâle"}]]


async def test_news_of_other_datasets_changes_nothing(world):
    """Nothing is read again."""
    await world.put(BASEL)
    await world.ask("BS")
    reads = world.store.reads
    world.joins.note("da_2")
    world.now.s += 5
    await world.ask("BS")

    assert world.store.reads == reads


async def test_another_generation_counts_at_once(world):
    """As for every reader; so does another floor."""
    await world.put(BASEL)
    await world.ask("BS")
    await world.put({**BASEL, "name": "new"}, generation=2, told=False)
    await world.change(generation=2)
    assert await world.ask("BS") == [[{"name": "new"}]]

    await world.change(sync_version=world.version + 1)
    assert await world.ask("BS") == [[]]


async def test_change_of_the_document_that_readers_do_not_see_costs_nothing(world):
    """A title is not read."""
    await world.put(BASEL)
    await world.ask("BS")
    reads = world.store.reads
    await world.change(title="Villes")
    await world.ask("BS")

    assert world.store.reads == reads


async def test_store_that_is_away_is_said_and_asked_again(world):
    """Nobody is told that there is no match."""
    await world.put(BASEL)
    world.store.available = False
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await world.ask("BS")
    world.store.available = True

    assert await world.ask("BS") == [[{"name": "Basel"}]]


async def test_store_that_goes_away_is_not_hidden_by_what_was_held(world):
    """What is too old is not used."""
    await world.put(BASEL)
    await world.ask("BS")
    world.joins.note(UID)
    world.now.s += 1
    world.store.available = False

    with pytest.raises(StoreUnavailable):
        await world.ask("BS")


@pytest.mark.parametrize(
    ("params", "members", "message"),
    [
        ({"dataset": "elsewhere"}, {}, "no dataset 'elsewhere'"),
        ({}, {"private": True}, "no dataset 'cities'"),
        ({}, {"published": False}, "not published"),
        ({"output_fields": ("zip",)}, {}, "no field 'zip'"),
        ({"remote_key": ("zip",)}, {}, "no field 'zip'"),
    ],
)
async def test_what_cannot_be_joined_is_said(params, members, message):
    """As the answer to every question."""
    world = await World().start(**members)

    (answer,) = await world.ask("BS", **params)

    assert isinstance(answer, Unjoinable)
    assert message in answer.message


async def test_point_cannot_be_a_key():
    """The field may have become one since the join was saved."""
    declared = ("type", {"field": "code", "type_param": "geo_point_2d"})
    world = await World().start(fields=[declared])

    (answer,) = await world.ask("BS")

    assert "is no key" in answer.message


async def test_dataset_that_is_too_large_cannot_be_joined():
    """Until it is smaller again; the limit is a setting."""
    world = await World(limit_records=2).start()
    await world.put(BASEL)
    assert await world.ask("BS") == [[{"name": "Basel"}]]

    await world.put(BERN)
    world.now.s += 1
    (answer,) = await world.ask("BS")
    assert answer == Unjoinable("dataset 'cities' has 2 records; only datasets of fewer than 2 can be joined")

    await world.put({"_id": "2", "_deleted": 1})
    world.now.s += 1
    assert await world.ask("BS") == [[{"name": "Basel"}]]


async def test_dataset_of_many_records_is_read_page_by_page():
    """Each record once, in pages that small records make larger."""
    world = await World().start()
    await world.put(*({"_id": f"{n:05}", "code": f"c{n % 7}", "name": f"n{n}"} for n in range(5000)))

    (found,) = await world.ask("c3")

    assert [one["name"] for one in found] == [f"n{n}" for n in range(3, 5000, 7)]
    assert len(world.store.limits) == 2
    assert world.store.limits[1] > world.store.limits[0]


async def test_dataset_whose_records_are_too_large_is_not_read_whole_again_and_again():
    """To see that takes time; it is worth it only after a while."""
    world = await World(held_mib=2).start()
    text = "x" * 20_000
    await world.put(*({"_id": f"{n:05}", "code": f"c{n}", "name": text} for n in range(2500)))

    async def slowly():
        world.now.s += 0.5

    world.store.before_read = slowly
    await world.ask("c1")
    reads = world.store.reads
    for _ in range(5):
        world.now.s += 1
        world.joins.note(UID)
        await world.ask("c1")
    assert world.store.reads == reads + 5


async def test_large_records_are_read_in_small_pages():
    """And are not held whole beyond what may be held."""
    world = await World(held_mib=2).start()
    text = "x" * 20_000
    await world.put(*({"_id": f"{n:05}", "code": f"c{n}", "name": text} for n in range(2500)))

    assert await world.ask("c2499") == [[{"name": text}]]
    assert world.joins.held_records == 1
    for n in range(0, 300, 10):
        await world.ask(*(f"c{one}" for one in range(n, n + 10)))
    assert world.joins.held_records <= 105


async def test_answers_that_were_not_used_for_longest_go_first():
    """A dataset that is asked for more than may be held forgets, and asks again."""
    world = await World(**LARGE, held_records=1000).start()
    await world.put(BASEL)
    await world.ask("BS")
    for n in range(990):
        await world.ask(f"x{n}")
    reads = world.store.reads
    await world.ask("BS", "x0")
    assert world.store.reads == reads

    await world.ask(*(f"y{n}" for n in range(990)))
    await world.ask("BS", "x0")
    assert world.store.reads == reads + 1
    await world.ask("x1")
    assert world.store.reads == reads + 2
    assert world.joins.held_records <= 1000


async def test_dataset_that_was_not_joined_for_longest_is_dropped():
    """All together hold no more than they may."""
    world = await World(held_records=1000).start()
    await world.put(*({"_id": f"{n:05}", "code": f"c{n}", "name": "n"} for n in range(600)))
    await world.ask("c1")
    await world.ask("c1", case_sensitive=True)
    assert world.joins.held_records == 600

    reads = world.store.reads
    assert await world.ask("c1", case_sensitive=True) == await world.ask("c1") == [[{"name": "n"}]]
    assert world.store.reads == reads + 1


async def test_runs_at_the_same_time_share_one_reading():
    """A dataset is read whole once, however many wait for it."""
    world = await World().start()
    await world.put(BASEL)

    found = await asyncio.gather(*(world.ask("BS") for _ in range(4)))

    assert found == [[[{"name": "Basel"}]]] * 4
    assert world.store.reads == 1


async def test_values_are_those_that_somebody_would_push():
    """Points, shapes, moments; of a file its id; a decimal stays one."""
    kinds = {
        "at": ("datetime", "2024-05-06 07:08:09.000000"),
        "at2": ("datetime", "2024-05-06 07:08:09.500000"),
        "day": ("date", "2024-05-06"),
        "where": ("geo_point_2d", {"lat": 1, "lon": 2.5}),
        "shape": ("geo_shape", '{"type":"Point","coordinates":[1,2]}'),
        "doc": ("json_blob", '{"a":[1]}'),
        "pic": ("file", '{"id":"abc","size":3}'),
        "share": ("double", 2.0),
        "ok": ("boolean", True),
    }
    declared = [("type", {"field": name, "type_param": kind}) for name, (kind, _) in kinds.items()]
    world = await World().start(fields=declared)
    cells = {f"{name}:{kind}": value for name, (kind, value) in kinds.items()}
    await world.put({**BASEL, **cells}, {**BERN, "pic:file": '{"content":"","content-type":"x/y"}'})

    ((found,), (empty,)) = await world.ask("BS", "BE", output_fields=tuple(kinds))

    assert found == {
        "at": "2024-05-06T07:08:09+00:00",
        "at2": "2024-05-06T07:08:09.500000+00:00",
        "day": "2024-05-06",
        "where": {"lat": 1.0, "lon": 2.5},
        "shape": {"type": "Point", "coordinates": [1, 2]},
        "doc": {"a": [1]},
        "pic": "abc",
        "share": 2.0,
        "ok": True,
    }
    assert isinstance(found["where"], GeoPoint)
    assert isinstance(found["share"], float)
    assert empty == dict.fromkeys(kinds)


@pytest.mark.parametrize("options", [SMALL, LARGE])
async def test_moments_and_days_are_found_in_any_spelling(options):
    """The remote key's type says how the local value is read."""
    schema = Schema({"code": [Rung.DATETIME], "name": [Rung.TEXT], "day": [Rung.DATE], "ok": [Rung.BOOLEAN]})
    world = await World(**options).start(schema=schema)
    cells = {"code:datetime": "2024-05-06 07:08:09.000000", "day:date": "2024-05-06", "ok:boolean": True}
    await world.put({"_id": "1", "name": "a", **cells})

    moments = await world.ask("2024-05-06T07:08:09Z", "2024-05-06T09:08:09+02:00", "2024-05-06", "soon")
    days = await world.ask("2024-05-06", "2024/05/06", "2024-05-06T07:08:09Z", remote_key=("day",))
    flags = await world.ask(True, "yes", False, remote_key=("ok",))

    hit = [{"name": "a"}]
    assert moments == [hit, hit, [], []]
    assert days == [hit, hit, []]
    assert flags == [hit, hit, []]


async def test_text_that_is_no_file_has_no_id():
    """The type of a field may have been changed after its values were stored."""
    declared = ("type", {"field": "name", "type_param": "file"})
    world = await World().start(fields=[declared])
    await world.put({**BASEL, "name": "5"}, {**BERN, "name": '{"id":7}'})

    assert await world.ask("BS", "BE") == [[{"name": None}], [{"name": None}]]
