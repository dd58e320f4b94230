"""Answers of the gateway: which may be repeated and which may not."""

import pytest

from schedulers.gateway import GatewayUnavailable, PushRefused, _check


def test_ok_is_ok():
    """200 means durable."""
    _check(200, b'{"status":"ok"}')


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, b'{"error_code":"too_many_requests"}'),
        (503, b'{"error_code":"unavailable"}'),
        (502, b"<html>a proxy</html>"),
    ],
)
def test_what_may_succeed_later_is_unavailable(status, body):
    """Overload and absence pass."""
    with pytest.raises(GatewayUnavailable, match=str(status)):
        _check(status, body)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b'{"error_code":"invalid_pushkey"}', "invalid_pushkey"),
        (404, b"[]", "unknown"),
        (302, b"", "unknown"),
    ],
)
def test_what_will_be_refused_again_says_why(status, body, code):
    """The error code is the gateway's own word, when it gave one."""
    with pytest.raises(PushRefused) as caught:
        _check(status, body)

    assert (caught.value.status, caught.value.error_code) == (status, code)
