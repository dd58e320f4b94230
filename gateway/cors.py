"""May a page of this origin push from a browser?  The resource's list of origins decides; empty: none.

An origin that is not allowed gets no CORS headers: the browser then hides the answer from the page. That
is the browser's protection of its user, not ours of the resource, which the pushkey protects.
"""

from collections.abc import Collection, Mapping

METHODS = "POST, DELETE, GET"
REQUEST_HEADERS = (
    "Authorization, Content-Type, Content-Encoding, Idempotency-Key, "
    "webhook-id, webhook-timestamp, webhook-signature"
)
ANSWER_HEADERS = "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
MAX_AGE_S = 600

NONE: Mapping[str, str] = {}


def answer_headers(origins: Collection[str], origin: str | None) -> Mapping[str, str]:
    """Return the CORS headers of an answer to a request with this Origin header."""
    if not origin or not origins:
        return NONE
    allowed = _allowed(origins, origin)
    if allowed is None:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": allowed,
        "Access-Control-Expose-Headers": ANSWER_HEADERS,
        "Vary": "Origin",
    }


def preflight_headers(origins: Collection[str], origin: str | None) -> Mapping[str, str]:
    """Return the headers of the answer to a browser that asks before it pushes."""
    headers = answer_headers(origins, origin)
    if "Access-Control-Allow-Origin" not in headers:
        return headers
    return {
        **headers,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": str(MAX_AGE_S),
    }


def _allowed(origins: Collection[str], origin: str) -> str | None:
    """Return what is said to be allowed: everybody, this origin, or nothing."""
    if "*" in origins:
        return "*"
    given = origin.lower()  # browsers send lower case; owners write as they like
    return origin if any(one.lower() == given for one in origins) else None
