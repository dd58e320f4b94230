"""A failure of one record touches no other; what one record became ends together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.datasets import ProcessorItem
from headwater.domain.errors import InvalidDocument
from processors.stack import chain as chains
from processors.stack.chain import Chain, Link, Passage, Policy, TooMuchAtOnce
from processors.stack.outcomes import Deleted, Failed, Several, Skipped, Waiting

STRICT, LENIENT = Policy(), Policy(lenient=True)


def link(step, *, outputs=("out",), uid="pr_1"):
    return Link(uid, "made_up", step, outputs)


def each(change):
    return link(lambda records, _: [change(record) for record in records])


def passed(records, *links, policy=STRICT):
    passage = Passage.begin(records, list(range(100, 100 + len(records))), policy)
    for one in links:
        passage.settle(one, one.step(passage.records, passage.versions))
    passage.end()
    return passage


def fails_if_odd(record):
    return Failed(record, "n", "it is odd") if record["n"] % 2 else record


def twice(record):
    return Several(({**record, "part": 0}, {**record, "part": 1}))


def test_a_failure_refuses_one_record_and_names_processor_field_and_reason():
    """Its neighbours go on, and the reason can be acted on."""
    passage = passed([{"n": 1}, {"n": 2}, {"n": 3}], each(fails_if_odd))
    assert passage.records == [{"n": 2}]
    assert (list(passage.sources), passage.versions) == ([1], [101])
    assert sorted(passage.failed) == [0, 2]
    [reason] = passage.failed[0]
    assert (reason.processor, reason.field, reason.code) == ("pr_1", "n", "processor_error")
    assert reason.message == "made_up: it is odd"


def test_a_lenient_policy_empties_the_outputs_and_goes_on():
    """The failure is noted; a key that cannot be made is no record all the same."""
    passage = passed([{"n": 1, "out": 7}], each(fails_if_odd), policy=LENIENT)
    assert passage.records == [{"n": 1, "out": None}]
    assert (passage.failed, passage.notes) == ({}, 1)
    keyed = passed([{"n": 1}], each(fails_if_odd), policy=Policy(lenient=True, key=frozenset({"out"})))
    assert (keyed.records, list(keyed.failed)) == ([], [0])


def test_parts_of_a_refused_record_are_not_half_stored():
    """If one part of it fails, none is left."""
    passage = passed([{"n": 1}, {"n": 2}], each(twice), each(lambda one: _fails_part(one, n=2, part=1)))
    assert [(one["n"], one["part"]) for one in passage.records] == [(1, 0), (1, 1)]
    assert (list(passage.failed), passage.versions) == ([1], [100, 100])


def _fails_part(record, *, n, part):
    return Failed(record, "part", "no") if (record["n"], record["part"]) == (n, part) else record


def test_what_waits_is_not_stored_unless_waiting_is_given_up():
    """With it its outputs are empty, and somebody is told who did not answer."""
    wait = each(lambda record: Waiting(record, "ban", "away") if record["n"] else record)
    waiting = passed([{"n": 1}, {"n": 0}], wait)
    assert (waiting.records, list(waiting.waiting)) == ([{"n": 0}], [0])
    given_up = passed([{"n": 1}], wait, policy=Policy(gives_up=True))
    assert (given_up.records, given_up.given_up) == ([{"n": 1, "out": None}], {0: "ban"})


def test_a_record_that_fails_after_it_would_have_waited_is_refused():
    """It cannot be stored, whatever the answer is."""
    wait = each(lambda record: Waiting(record, "ban", "away") if record.get("part") else record)
    fail = each(lambda record: Failed(record, "part", "no"))
    passage = passed([{"n": 1}], each(twice), wait, fail)
    assert (list(passage.failed), passage.waiting) == ([0], {})


def test_discarded_records_are_counted_by_rule_and_once():
    """A record of which a part is left is not discarded."""
    skip = each(lambda record: Skipped("skipped") if record["part"] or record["n"] == 2 else record)
    passage = passed([{"n": 1}, {"n": 2}], each(twice), skip)
    assert passage.discarded == {"skipped": 1}
    assert passage.records == [{"n": 1, "part": 0}]


def test_a_record_to_delete_goes_on_and_stays_marked():
    """Its id is known at the end of the stack only."""
    doom = each(lambda record: Deleted(record) if record["n"] == 1 else record)
    change = each(lambda record: {**record, "later": True})
    passage = passed([{"n": 0}, {"n": 1}], doom, change, each(lambda r: Skipped("s") if not r["n"] else r))
    assert (passage.records, passage.doomed) == ([{"n": 1, "later": True}], [True])


def test_one_record_does_not_become_endlessly_many(monkeypatch):
    """Beyond the limit it is refused, and its neighbours go on."""
    monkeypatch.setattr(chains, "MAX_PARTS", 8)
    grow = each(lambda record: twice(record) if record["n"] else record)
    passage = passed([{"n": 1}, {"n": 0}], *[grow] * 4)
    assert (passage.records, list(passage.failed)) == ([{"n": 0}], [0])
    assert {reason.code for reason in passage.failed[0]} == {"too_many_parts"}
    assert len(passed([{"n": 1}], *[grow] * 3).records) == 8


def test_a_batch_that_grows_too_large_is_to_be_taken_in_parts(monkeypatch):
    """Rather than held in memory as a whole."""
    monkeypatch.setattr(chains, "MAX_PASSAGE", 10)
    with pytest.raises(TooMuchAtOnce):
        passed([{"n": 1}] * 6, each(twice))


def test_records_that_came_stay_as_they_came():
    """Quarantine shows a record as it was sent: processors work on copies, under technical names."""
    sent = [{"n": 1}, {"Ärger im Haus": 2, "n": 0}]
    passage = passed(sent, link(lambda records, _: [record.update(out=1) or record for record in records]))
    assert sent == [{"n": 1}, {"Ärger im Haus": 2, "n": 0}]
    assert passage.records == [{"n": 1, "out": 1}, {"Arger_im_Haus": 2, "n": 0, "out": 1}]


OUTCOMES = {
    "on": lambda record: record,
    "skip": lambda _: Skipped("skipped"),
    "fail": lambda record: Failed(record, "n", "no"),
    "wait": lambda record: Waiting(record, "ban", "away"),
    "doom": Deleted,
    "twice": twice,
}


@given(st.lists(st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=3, max_size=3), max_size=8))
def test_every_record_ends_in_exactly_one_way(ways):
    """Left, refused, waiting or discarded: whatever three processors make of it."""
    records = [{"n": number} for number in range(len(ways))]
    links = [each(lambda record, at=at: OUTCOMES[ways[record["n"]][at]](record)) for at in range(3)]
    passage = passed(records, *links)
    left = set(passage.sources)
    ends = [len(left), len(passage.failed), len(passage.waiting), sum(passage.discarded.values())]
    assert sum(ends) == len(records)
    assert not left & (passage.failed.keys() | passage.waiting.keys())
    assert len(passage.records) == len(passage.versions) == len(passage.sources)


def test_a_stack_that_is_no_longer_right_does_not_compile():
    """It was saved once; whoever compiles it has to say what is wrong."""
    with pytest.raises(InvalidDocument, match="there is no processor 'gone'"):
        Chain.of([ProcessorItem(uid="pr_1", type="gone", label="", params={})])
