"""The raw HTTP/1.1 client of the load generators."""

import pytest

from benchmarks.http1 import Connection, is_ok, request_bytes

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'


@pytest.mark.parametrize(
    ("status", "body", "ok"),
    [
        (200, b'{"status":"ok"}', True),
        (200, b'{"status": "OK", "version": 7}', True),
        (200, b'{"status":"error"}', False),
        (200, b"ok", False),
        (200, b"[]", False),
        (503, b'{"status":"ok"}', False),
    ],
)
def test_only_200_with_the_status_ok_counts(status, body, ok):
    """A benchmark that counts refused pushes measures nothing."""
    assert is_ok(status, body) is ok


def test_a_request_says_how_long_its_body_is():
    """The body follows the head byte for byte."""
    request = request_bytes("http://127.0.0.1:8480/push/?pushkey=k", b'{"a":1}')

    assert request.startswith(b"POST /push/?pushkey=k HTTP/1.1\r\nHost: 127.0.0.1:8480\r\n")
    assert request.endswith(b'Content-Length: 7\r\n\r\n{"a":1}')


@pytest.mark.parametrize("size", [1, 7, len(ANSWER)])
def test_an_answer_may_come_in_pieces_of_any_size(size):
    """TCP keeps no boundaries; one answer is one call."""
    answers = []
    connection = Connection(lambda _, status, body: answers.append((status, body)))

    for start in range(0, len(ANSWER), size):
        connection.data_received(ANSWER[start : start + size])

    assert answers == [(200, b'{"status":"ok"}')]


def test_an_answer_without_a_length_counts_as_a_failure():
    """What is not understood is never taken for a success."""
    answers = []
    connection = Connection(lambda _, status, __: answers.append(status))

    connection.data_received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    assert answers == [0]
