"""May a page of this origin push from a browser?"""

import pytest

from gateway.cors import answer_headers, preflight_headers

PAGE = "https://example.org"


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ([], PAGE, None),
        ([PAGE], PAGE, PAGE),
        (["https://EXAMPLE.org"], PAGE, PAGE),
        (["https://other.org", PAGE], PAGE, PAGE),
        (["https://other.org"], PAGE, None),
        (["https://example.org:8443"], PAGE, None),
        (["*"], PAGE, "*"),
        (["*"], "null", "*"),
        ([PAGE], "null", None),
        ([PAGE], None, None),
        ([PAGE], "", None),
    ],
)
def test_allowed_origins_are_told_so(origins, origin, allowed):
    """Scheme, host and port must be the same; without a list nothing is said."""
    for headers in (answer_headers(origins, origin), preflight_headers(origins, origin)):
        assert headers.get("Access-Control-Allow-Origin") == allowed


def test_answers_differ_by_origin_and_say_so():
    """A cache must not give one page's answer to another."""
    assert answer_headers([PAGE], "https://other.org") == {"Vary": "Origin"}
    assert answer_headers([PAGE], PAGE)["Vary"] == "Origin"


def test_a_preflight_learns_what_may_be_sent():
    """The verbs of both doors, and every header that they look at."""
    headers = preflight_headers([PAGE], PAGE)

    assert headers["Access-Control-Allow-Methods"] == "POST, DELETE, GET"
    for name in ("Authorization", "Content-Type", "Idempotency-Key"):
        assert name in headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Methods" not in preflight_headers([PAGE], "https://other.org")
