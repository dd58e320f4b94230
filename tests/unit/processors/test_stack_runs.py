"""Records pass the stack of their dataset before they become rows; none is lost, none is half-stored."""

from dataclasses import replace

import orjson
import pytest

from headwater.domain.datasets import Build, FieldItem, ProcessorItem, Resource
from processors.postponed import read
from processors.stack.geocoding_answers import Away, Found
from tests.unit.processors.bench import DATASET, TOPICS, Bench

ADDRESS = {"address": "10 Downing Street"}


def processor(kind, uid="pr_1", **params):
    return ProcessorItem(uid=uid, type=kind, label="", params=params)


REPLACE = processor("string_replace", field="a", old="x", new="y")
RATIO = processor("expression", expression="= n / d", output_field="ratio")
SKIP = processor("skip_records", "pr_2", field="a", value_to_skip="no")
DELETE = processor("delete_record", "pr_3", field="gone", value_to_skip="yes")
EXPAND = processor("expand_json_array", "pr_4", json_array_field="list", output_field="one")
GEOCODE = processor("geocode_with_ban", "pr_5", address="address", output_field="place")
KEY_A = FieldItem(uid="df_1", type="annotate", params={"field": "a", "annotation": "id", "args": []})


def with_stack(*processors, **changes):
    return replace(DATASET, processors=processors, **changes)


class Directory:
    """The geocoding service of a test: answers as it is told to."""

    def __init__(self, answer):
        self.answered = answer
        self.asked = []

    async def answer(self, _step, questions, _dataset):
        self.asked.append(len(questions))
        return dict.fromkeys(questions, self.answered)


@pytest.fixture
def bench():
    directory = Directory(Away("ban", "it is down"))
    bench = Bench(geocoding=directory)
    bench.directory = directory
    return bench


async def handled(bench, dataset, *bodies, **headers):
    await bench.publish(dataset)
    await bench.handle(*[bench.run(body, **headers) for body in bodies])
    return bench.rows()


def values(rows, column):
    return [row.get(column) for row in rows]


def postponed(bench):
    return [(one, read(one.value)) for one in bench.producer.sent(TOPICS.postponed)]


async def test_records_pass_the_stack_before_they_are_typed(bench):
    """The fields that it makes are fields like any other."""
    rows = await handled(bench, with_stack(REPLACE, RATIO), b'[{"a":"xx","n":6,"d":4}]')
    assert (values(rows, "a:text"), values(rows, "ratio:double")) == (["yy"], [1.5])
    assert set(bench.schemas.get("da_1")) == {"a", "n", "d", "ratio"}


async def test_an_error_quarantines_one_record_as_it_was_sent(bench):
    """With processor, field and reason; its neighbours are stored."""
    rows = await handled(bench, with_stack(REPLACE, RATIO), b'[{"a":"x","n":1,"d":0},{"a":"x","n":1,"d":2}]')
    assert values(rows, "ratio:double") == [0.5]
    [refused] = bench.quarantined()
    assert orjson.loads(refused["record"]) == {"a": "x", "n": 1, "d": 0}
    [error] = orjson.loads(refused["errors"])
    assert (error["processor"], error["code"]) == ("pr_1", "processor_error")
    assert "zero" in error["message"]


async def test_by_the_other_policy_an_error_leaves_its_output_empty(bench):
    """As an owner may choose: the record is stored with a note."""
    dataset = with_stack(RATIO, on_processor_error="null")
    rows = await handled(bench, dataset, b'[{"a":"x","n":1,"d":0}]')
    assert (values(rows, "a:text"), values(rows, "ratio:double")) == (["x"], [None])
    assert bench.quarantined() == []


async def test_skipped_records_become_nothing(bench):
    """And the run is announced all the same, so that nobody waits for it."""
    assert await handled(bench, with_stack(SKIP), b'[{"a":"no"}]') == []
    assert bench.announced()
    assert bench.queue.safe_offset == 1


async def test_a_record_to_delete_is_a_tombstone_of_what_the_key_names(bench):
    """Also of what was stored before the rule was there."""
    await bench.publish(with_stack(DELETE, fields=(KEY_A,)))
    await bench.handle(bench.run(b'[{"a":"k","gone":"no"}]'), bench.run(b'[{"a":"k","gone":"yes"}]'))
    stored, gone = bench.rows()
    assert stored["_id"] == gone["_id"]
    assert (stored["_deleted"], gone["_deleted"]) == (0, 1)


async def test_expanded_records_have_ids_of_their_own_and_share_a_version(bench):
    """So a replay makes the same rows again."""
    rows = await handled(bench, with_stack(EXPAND), b'[{"list":[1,2,3]}]')
    assert values(rows, "one:int") == [1, 2, 3]
    assert len(set(values(rows, "_id"))) == 3
    assert len(set(values(rows, "_version"))) == 1
    bench.producer.messages.clear()
    await bench.handle(bench.run(b'[{"list":[1,2,3]}]'))
    assert values(bench.rows(), "_id") == values(rows, "_id")


async def test_of_expanded_records_with_one_key_the_last_counts(bench):
    """They would replace each other in the order in which the store happens to meet them."""
    rows = await handled(bench, with_stack(EXPAND, fields=(KEY_A,)), b'[{"a":"k","list":[1,2,3]}]')
    assert values(rows, "one:int") == [3]


async def test_a_record_that_becomes_several_is_stored_whole_or_not_at_all(bench):
    """One part that does not fit its type refuses all of them, once."""
    declared = FieldItem(uid="df_2", type="type", params={"field": "one", "type_param": "int"})
    dataset = with_stack(EXPAND, fields=(declared,), on_error="quarantine")
    rows = await handled(bench, dataset, b'[{"list":[1,"two","three"]},{"list":[4]}]')
    assert values(rows, "one:int") == [4]
    [refused] = bench.quarantined()
    assert orjson.loads(refused["record"]) == {"list": [1, "two", "three"]}


async def test_a_delete_passes_the_stack_to_find_the_ids(bench):
    """All records that were made of one are deleted; what the key does not need may be missing."""
    await bench.publish(with_stack(EXPAND))
    await bench.handle(bench.run(b'[{"list":[1,2]}]'), bench.run(b'[{"list":[1,2]}]', op="delete"))
    rows = bench.rows()
    assert values(rows, "_deleted") == [0, 0, 1, 1]
    assert values(rows[:2], "_id") == values(rows[2:], "_id")


async def test_a_delete_by_key_needs_nothing_else(bench):
    """Processors that lack their fields leave them empty instead of refusing the deletion."""
    dataset = with_stack(processor("normalize_date", field="t", date_format="%Y"), fields=(KEY_A,))
    rows = await handled(bench, dataset, b'[{"a":"k","t":"nonsense"}]', op="delete")
    assert values(rows, "_deleted") == [1]


async def test_a_merge_does_not_empty_what_it_does_not_name(bench):
    """Outputs that nothing could be made of change nothing."""
    rows = await handled(bench, with_stack(RATIO, fields=(KEY_A,)), b'[{"a":"k","n":1}]', op="merge")
    assert rows[0]["n:int"][1] == 1
    assert "ratio:double" not in rows[0]


async def test_unknown_fields_are_judged_as_they_were_sent(bench):
    """What the stack adds is no stranger, and what it reads is none either."""
    params = {"unknown_fields": "drop", "bootstrap": {"a": "text"}}
    resource = replace(DATASET.resources[0], params=params)
    rows = await handled(
        bench, with_stack(RATIO, resources=(resource,)), b'[{"a":"k","n":1,"d":2,"other":3}]'
    )
    assert values(rows, "ratio:double") == [0.5]
    assert set(bench.schemas.get("da_1")) == {"a", "n", "d", "ratio"}


async def test_unknown_fields_of_strangers_can_be_refused(bench):
    """The gateway has looked at its own pushes; a native producer is judged here."""
    params = {"unknown_fields": "reject", "bootstrap": {"a": "text"}}
    key = DATASET.resources[0].keys
    resource = Resource(uid="re_1", resource_id="r", title="r", keys=key, params=params)
    native = {"origin": "kafka", "pushkey": "ab" * 28, "revision": 0}
    body = b'[{"a":"k","n":1,"d":2},{"a":"k","other":3}]'
    rows = await handled(bench, with_stack(RATIO, resources=(resource,)), body, **native)
    assert values(rows, "n:int") == [1]
    [refused] = bench.quarantined()
    assert (refused["code"], orjson.loads(refused["errors"])[0]["field"]) == ("unknown_field", "other")


async def test_a_stack_that_cannot_run_any_more_loses_nothing(bench):
    """Every record waits in quarantine until its owner has mended the stack."""
    rows = await handled(bench, with_stack(processor("no_such_thing")), b'[{"a":"k"}]')
    assert rows == []
    assert bench.quarantined()[0]["code"] == "invalid_stack"


async def test_a_record_waits_while_its_provider_is_away(bench):
    """It is on the log before its run is finished, and the records beside it are stored."""
    rows = await handled(bench, with_stack(GEOCODE), b'[{"address":"10 Downing Street"},{"b":1}]')
    assert values(rows, "b:int") == [1]
    [(message, waiting)] = postponed(bench)
    assert (message.key, message.partition) == (b"da_1", 0)
    assert [late.record for late in waiting.records] == [ADDRESS]
    assert bench.queue.safe_offset == 1


async def test_a_record_that_waited_is_stored_when_the_provider_answers(bench):
    """With the version that it came with."""
    await handled(bench, with_stack(GEOCODE), b'[{"address":"10 Downing Street"}]')
    [(message, waiting)] = postponed(bench)
    bench.directory.answered = Found(51.5, -0.12)
    await bench.processor.take_again("da_1", message.value)
    [row] = bench.rows()
    assert row["place:geo_point_2d"] == {"lat": 51.5, "lon": -0.12}
    assert row["_version"] == waiting.records[0].version
    assert len(postponed(bench)) == 1


async def test_a_record_that_waited_too_long_is_stored_without_an_answer(bench):
    """And stays marked for a later pass, which replaces what was stored, even under another id."""
    await handled(bench, with_stack(GEOCODE), b'[{"address":"10 Downing Street"}]')
    bench.clock.advance(660)
    await bench.processor.take_again("da_1", postponed(bench)[0][0].value)
    [without] = bench.rows()
    assert "place:geo_point_2d" not in without
    message, marked = postponed(bench)[-1]
    assert marked.given_up
    assert message.partition == 3
    assert marked.stored == ((without["_id"], without["_version"]),)
    bench.directory.answered = Found(51.5, -0.12)
    bench.producer.messages.clear()
    await bench.processor.take_again("da_1", message.value)
    placed, gone = bench.rows()
    assert placed["place:geo_point_2d"] == {"lat": 51.5, "lon": -0.12}
    assert (gone["_id"], gone["_deleted"], gone["_version"]) == (without["_id"], 1, without["_version"])
    assert postponed(bench) == []


async def test_a_keyed_record_keeps_its_id_when_the_answer_comes_late(bench):
    """Nothing has to go: the same row is written again, with the answer."""
    dataset = with_stack(GEOCODE, fields=(KEY_A,))
    await handled(bench, dataset, b'[{"a":"k","address":"10 Downing Street"}]')
    bench.clock.advance(660)
    await bench.processor.take_again("da_1", postponed(bench)[0][0].value)
    bench.directory.answered = Found(51.5, -0.12)
    await bench.processor.take_again("da_1", postponed(bench)[-1][0].value)
    first, second = bench.rows()
    assert first["_id"] == second["_id"]
    assert second["_deleted"] == 0


async def test_a_generation_that_is_built_does_not_lack_records_that_would_wait(bench):
    """They are stored without an answer at once, and marked."""
    build = Build(uid="bu_1", generation=2, fields=(), processors=(GEOCODE,), history=False)
    dataset = with_stack(GEOCODE, build=build, last_generation=2)
    rows = await handled(bench, dataset, b'[{"address":"x 1"}]', origin="replay", generation="2")
    assert len(rows) == 1
    assert postponed(bench)[0][1].given_up


async def test_what_waited_goes_into_a_generation_that_is_being_built_too(bench):
    """Whichever readers see then has it."""
    await handled(bench, with_stack(GEOCODE), b'[{"address":"x 1"}]')
    [(message, _)] = postponed(bench)
    present = bench.catalog.get("da_1")
    build = Build(uid="bu_1", generation=2, fields=(), processors=(GEOCODE,), history=False)
    await bench.catalog.write(replace(present, build=build, last_generation=2))
    bench.directory.answered = Found(1, 2)
    await bench.processor.take_again("da_1", message.value)
    generations = [one.header("generation") for one in bench.producer.sent(TOPICS.records)]
    assert sorted(generations) == ["1", "2"]


async def test_what_waited_for_a_dataset_that_was_closed_is_discarded(bench):
    """Its records are of an earlier life."""
    await handled(bench, with_stack(GEOCODE), b'[{"address":"x 1"}]')
    [(message, _)] = postponed(bench)
    await bench.catalog.write(replace(bench.catalog.get("da_1"), published=False))
    bench.producer.messages.clear()
    await bench.processor.take_again("da_1", message.value)
    assert bench.producer.messages == []


async def test_a_batch_asks_each_address_once(bench):
    """However often it comes."""
    body = orjson.dumps([ADDRESS, ADDRESS, {"address": "another 2"}])
    await handled(bench, with_stack(GEOCODE), body)
    assert bench.directory.asked == [2]


async def test_a_deletion_by_key_waits_for_nobody(bench):
    """What a provider would say does not change which record is meant."""
    dataset = with_stack(GEOCODE, fields=(KEY_A,))
    rows = await handled(bench, dataset, b'[{"a":"k","address":"10 Downing Street"}]', op="delete")
    assert values(rows, "_deleted") == [1]
    assert postponed(bench) == []


async def test_a_deletion_without_a_key_waits_for_what_identifies_its_record(bench):
    """All values together are the key then, the answer among them."""
    await handled(bench, with_stack(GEOCODE), b'[{"address":"10 Downing Street"}]', op="delete")
    assert bench.rows() == []
    assert len(postponed(bench)) == 1
