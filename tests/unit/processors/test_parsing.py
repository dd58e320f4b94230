"""From messages to records: every record once, with its version, whatever form it came in."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.versions import MAX_AHEAD_US, STAMPS_PER_MS, stamp_at
from headwater.runtime.kafka.runs import RAW_ROUTING, Message, coalesce
from processors.parsing import moment_text, parse

T_MS = 1_700_000_000_000


def run(*messages):
    """Return the run that the transport makes of messages."""
    limits = {"max_messages": 1000, "max_bytes": 1_000_000}
    [one] = coalesce("raw", 0, messages, routing=RAW_ROUTING, **limits)
    return one


def native(offset, value, timestamp_ms=T_MS):
    return Message(offset, timestamp_ms, value, ())


def pushed(offset, value, version):
    stamp = stamp_at(T_MS * 1000) + version
    return Message(offset, T_MS, value, (("version", b"%d" % stamp), ("received-at", b"1700000000000001")))


def test_record_i_of_a_push_has_version_plus_i():
    """The gateway stamps a batch once."""
    arrivals = parse(run(pushed(0, b'[{"a":1},{"a":2}]', 5)))
    first = stamp_at(T_MS * 1000) + 5
    assert arrivals.records == [{"a": 1}, {"a": 2}]
    assert arrivals.versions == [first, first + 1]
    assert arrivals.received_at == ["2023-11-14 22:13:20.000001"] * 2


def test_native_messages_are_versioned_by_their_place():
    """A later offset wins, also within one millisecond; a replay gives the same versions."""
    arrivals = parse(run(native(7, b'{"a":1}'), native(8, b'{"a":2}'), native(9, b"[]")))
    assert arrivals.versions == [T_MS * STAMPS_PER_MS + 7, T_MS * STAMPS_PER_MS + 8]


def test_records_of_one_native_message_stay_below_the_next_message():
    """Otherwise an overwrite in the next message could lose."""
    arrivals = parse(run(native(7, b'[{"a":1},{"a":2},{"a":3}]'), native(8, b'{"a":4}')))
    assert max(arrivals.versions[:3]) < arrivals.versions[3]


def test_a_replay_may_say_that_its_records_share_a_version():
    """As they did when they came without one: the replay is the same records again."""
    message = pushed(0, b'[{"a":1},7,{"a":2}]', 5)
    headers = (*message.headers, ("shared-version", b"1"))
    arrivals = parse(run(message._replace(headers=headers)))
    first = stamp_at(T_MS * 1000) + 5
    assert arrivals.versions == [first, first]
    assert arrivals.positions == [0, 2]
    assert [(one.version, one.position) for one in arrivals.refused] == [(first, 1)]


def test_ndjson_and_byte_order_mark():
    """One object a line; empty lines are nothing."""
    arrivals = parse(run(native(0, b'\xef\xbb\xbf{"a":1}\n\n{"a":2}\r\n')))
    assert arrivals.records == [{"a": 1}, {"a": 2}]
    assert not arrivals.refused


def test_a_bad_line_does_not_block_its_neighbours():
    """It waits in quarantine as it was sent, with its place."""
    arrivals = parse(run(native(0, b'{"a":1}\nnonsense\n{"a":2}')))
    assert arrivals.records == [{"a": 1}, {"a": 2}]
    [refusal] = arrivals.refused
    assert (refusal.record, refusal.position, refusal.reasons[0].code) == ("nonsense", 1, "invalid_json")


def test_what_is_no_record_is_refused():
    """Scalars, empty objects, and bytes that are no JSON."""
    arrivals = parse(run(native(0, b'[1,{},{"a":1},"x"]'), native(1, b"\xff{"), native(2, b"3")))
    assert arrivals.records == [{"a": 1}]
    codes = [refusal.reasons[0].code for refusal in arrivals.refused]
    assert codes == ["invalid_record", "invalid_record", "invalid_record", "invalid_json", "invalid_record"]


def test_a_version_far_in_the_future_is_refused():
    """Such a record could never be overwritten; the same message gives the same answer in a replay."""
    limit = stamp_at(T_MS * 1000 + MAX_AHEAD_US)
    good = Message(0, T_MS, b'{"a":1}', (("version", b"%d" % limit),))
    bad = Message(1, T_MS, b'{"a":1}', (("version", b"%d" % (limit + 1)),))
    odd = Message(2, T_MS, b'{"a":1}', (("version", b"soon"),))
    arrivals = parse(run(good, bad, odd))
    assert arrivals.versions == [limit]
    assert [refusal.reasons[0].code for refusal in arrivals.refused] == ["invalid_version"] * 2


def test_records_know_their_place_in_their_message():
    """Records that share a version wait in quarantine side by side, also those that are refused later."""
    arrivals = parse(run(native(7, b'[{"a":1},3,{"a":2}]'), native(8, b'[{"a":3},{"a":4}]')))
    assert arrivals.positions == [0, 2, 0, 1]
    assert [refusal.position for refusal in arrivals.refused] == [1]
    assert [arrivals.position_of(record) for record in arrivals.records] == [0, 2, 0, 1]


def test_a_record_from_quarantine_keeps_its_place_there():
    """Refused again, it must replace itself and nothing else."""
    arrivals = parse(run(Message(0, T_MS, b'{"a":1}', (("position", b"7"),))))
    assert arrivals.positions == [7]
    arrivals = parse(run(Message(0, T_MS, b'{"a":1}', (("position", b"9" * 10),))))
    assert arrivals.positions == [0]


def test_an_arrival_that_is_no_moment_is_the_brokers():
    """Anybody may send the header; it must not stop the partition."""
    for nonsense in (b"9" * 17, b"", b"-1", b"soon"):
        arrivals = parse(run(Message(0, T_MS, b'{"a":1}', (("received-at", nonsense),))))
        assert arrivals.received_at == [moment_text(T_MS * 1000)]


VALUES = st.lists(
    st.dictionaries(st.text(max_size=3), st.integers(0, 99) | st.text(max_size=3), max_size=3).map(
        orjson.dumps
    )
    | st.sampled_from([b'{"a":[1', b"2]}", b"{},{}", b'{"a":1}\n{"a":2}', b"", b"null", b'{"a"', b":1}"])
    | st.binary(max_size=8),
    min_size=1,
    max_size=8,
)


@given(VALUES)
def test_reading_many_at_once_is_reading_one_by_one(values):
    """Joining messages for speed must not join their mistakes, unless the lies add up exactly."""
    messages = [native(offset, value) for offset, value in enumerate(values)]
    together = parse(run(*messages))
    alone = [parse(run(message)) for message in messages]
    if len(together) == len(values) and any(part.refused for part in alone):
        return  # pieces that are only JSON together: they harm nobody but their sender
    assert together.records == [record for part in alone for record in part.records]
    assert together.versions == [version for part in alone for version in part.versions]
    assert together.positions == [position for part in alone for position in part.positions]
    assert together.refused == [refusal for part in alone for refusal in part.refused]


def test_moments_are_spelt_as_the_store_reads_them():
    """Microseconds are kept."""
    assert moment_text(1_700_000_000_000_001) == "2023-11-14 22:13:20.000001"
    assert moment_text(0) == "1970-01-01 00:00:00.000000"
