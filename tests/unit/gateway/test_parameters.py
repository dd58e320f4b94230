"""How shall a push be treated?"""

import pytest

from gateway.parameters import PLAIN, PushParameters, parse_parameters
from headwater.domain.errors import InvalidParameter


@pytest.mark.parametrize(
    "query", [{}, {"pushkey": "k"}, {"pushkey": "k", "apikey": "a", "_": "1", "Wait": "true"}]
)
def test_whoever_asks_for_nothing_gets_a_plain_push(query):
    """Unknown parameters are ignored, as on the original; plain is one object, known by identity."""
    assert parse_parameters(query, {"Content-Type": "text/html"}) is PLAIN


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ({"partial": "true"}, {}, PushParameters(partial=True)),
        ({"wait": "TRUE", "timeout": "0.5"}, {}, PushParameters(wait=True, timeout_s=0.5)),
        ({"wait": "1", "timeout": "30"}, {}, PushParameters(wait=True, timeout_s=30)),
        ({"merge": "yes", "sync": "off"}, {}, PushParameters(merge=True)),
        ({"sync": "on"}, {}, PushParameters(sync=True)),
        ({"delimiter": ";"}, {}, PushParameters(delimiter=";")),
        ({"delimiter": "tab"}, {}, PushParameters(delimiter="\t")),
        ({}, {"Idempotency-Key": " a b "}, PushParameters(idempotency_key="a b")),
        ({}, {"webhook-id": "msg_1"}, PushParameters(idempotency_key="msg_1")),
        ({}, {"webhook-id": "m", "Idempotency-Key": "k"}, PushParameters(idempotency_key="k")),
        ({}, {"Idempotency-Key": "k" * 255}, PushParameters(idempotency_key="k" * 255)),
    ],
)
def test_what_is_asked_for_is_understood(query, headers, expected):
    """Flags in the usual spellings, seconds, and the key of either header."""
    assert parse_parameters(query, headers) == expected


@pytest.mark.parametrize(
    ("query", "headers", "name"),
    [
        ({"wait": ""}, {}, "wait"),
        ({"partial": "maybe"}, {}, "partial"),
        ({"merge": "2"}, {}, "merge"),
        ({"sync": "tru"}, {}, "sync"),
        ({"timeout": "soon"}, {}, "timeout"),
        ({"timeout": "nan"}, {}, "timeout"),
        ({"timeout": "inf"}, {}, "timeout"),
        ({"timeout": "-1"}, {}, "timeout"),
        ({"timeout": "30.1"}, {}, "timeout"),
        ({"delimiter": ""}, {}, "delimiter"),
        ({"delimiter": ",,"}, {}, "delimiter"),
        ({"delimiter": '"'}, {}, "delimiter"),
        ({"delimiter": "a"}, {}, "delimiter"),
        ({}, {"Idempotency-Key": ""}, "Idempotency-Key"),
        ({}, {"Idempotency-Key": "k" * 256}, "Idempotency-Key"),
        ({}, {"Idempotency-Key": "schlüssel"}, "Idempotency-Key"),
    ],
)
def test_a_bad_value_of_a_known_parameter_is_refused(query, headers, name):
    """Guessing what was meant could store what nobody wanted; the sentence names the parameter."""
    with pytest.raises(InvalidParameter, match=name):
        parse_parameters(query, headers)


@pytest.mark.parametrize(
    ("parameters", "is_plain"),
    [
        (PLAIN, True),
        (PushParameters(partial=True, delimiter=";", timeout_s=1), True),
        (PushParameters(wait=True), False),
        (PushParameters(merge=True), False),
        (PushParameters(sync=True), False),
        (PushParameters(idempotency_key="k"), False),
    ],
)
def test_plain_delivery_is_a_message_and_its_acknowledgement(parameters, is_plain):
    """What concerns only the reading of the body leaves the delivery plain."""
    assert parameters.is_plain == is_plain
