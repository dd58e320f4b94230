"""Coalescing: neighbours with equal routing headers become one run, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.runtime.kafka.commits import CommitQueue
from headwater.runtime.kafka.runs import RAW_ROUTING, ROWS_ROUTING, Message, coalesce
from headwater.runtime.kafka.topics import Header

HEADERS = st.sampled_from(
    [
        (("dataset", b"a"), ("version", b"1")),
        (("dataset", b"a"), ("version", b"2")),
        (("dataset", b"b"),),
        (),
    ]
)
MESSAGES = st.lists(st.tuples(HEADERS, st.binary(max_size=30)), max_size=40).map(
    lambda many: [Message(offset, 0, value, headers) for offset, (headers, value) in enumerate(many)]
)


def runs_of(messages, **limits):
    limits = {"max_messages": 1000, "max_bytes": 1_000_000, **limits}
    return list(coalesce("raw", 0, messages, routing=RAW_ROUTING, **limits))


@given(MESSAGES, st.integers(1, 10), st.integers(1, 100))
def test_runs_are_the_messages_in_order(messages, max_messages, max_bytes):
    """No message is lost, doubled or moved, whatever the limits."""
    runs = runs_of(messages, max_messages=max_messages, max_bytes=max_bytes)
    assert [message for run in runs for message in run.messages] == messages
    assert all(run.first == run.messages[0].offset and run.end == run.messages[-1].offset + 1 for run in runs)


@given(MESSAGES, st.integers(1, 10), st.integers(1, 100))
def test_a_run_shares_its_routing_headers_and_keeps_its_limits(messages, max_messages, max_bytes):
    """Only a single message may be larger than the limit."""
    for run in runs_of(messages, max_messages=max_messages, max_bytes=max_bytes):
        routed = {tuple(p for p in m.headers if p[0] in RAW_ROUTING) for m in run.messages}
        assert routed == {run.headers}
        assert len(run.messages) <= max_messages
        assert len(run.messages) == 1 or sum(len(m.value) for m in run.messages) <= max_bytes


def test_neighbours_are_joined_as_far_as_possible():
    """Headers that do not route (version, count) may differ inside a run."""
    messages = [
        Message(0, 0, b"{}", (("dataset", b"a"), ("version", b"1"))),
        Message(1, 0, b"{}", (("dataset", b"a"), ("version", b"9"))),
        Message(2, 0, b"{}", (("dataset", b"b"),)),
    ]
    assert [(run.first, run.end, run.header(Header.DATASET)) for run in runs_of(messages)] == [
        (0, 2, "a"),
        (2, 3, "b"),
    ]


def test_finishing_a_run_tells_its_queue():
    """And only the queue that it was fetched under."""
    queue = CommitQueue()
    [run] = coalesce(
        "raw", 0, [Message(4, 0, b"{}", ())], routing=RAW_ROUTING, max_messages=9, max_bytes=9, queue=queue
    )
    queue.fetched(run.first, run.end)
    run.finish()
    assert queue.safe_offset == 5


def test_a_header_is_read_as_text():
    """Missing headers are empty, undecodable bytes do not raise."""
    [run] = runs_of([Message(0, 0, b"{}", (("dataset", b"\xff"),))])
    assert run.header("dataset") == "\ufffd"
    assert run.header("op") == ""
    assert run.source == "0:0:1"


@given(MESSAGES)
def test_a_uniform_run_has_equal_headers_throughout(messages):
    """Whoever reads the headers of its first message has read all."""
    for run in runs_of(messages):
        assert run.uniform == (len({message.headers for message in run.messages}) == 1)


def test_patches_and_history_do_not_join_plain_rows():
    """Tombstones have no columns of their own: their schema alone does not tell for which table they are."""
    plain = ((Header.DATASET, b"a"), (Header.GENERATION, b"1"), (Header.SCHEMA, b"{}"))
    many = [plain, (*plain, (Header.TARGET, b"patches")), (*plain, (Header.HISTORY, b"1")), plain]
    messages = [Message(offset, 0, b"", headers) for offset, headers in enumerate(many)]

    runs = coalesce("records", 0, messages, routing=ROWS_ROUTING, max_messages=10, max_bytes=10)

    assert [run.first for run in runs] == [0, 1, 2, 3]
