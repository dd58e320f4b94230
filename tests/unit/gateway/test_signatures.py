"""Was this push signed by whom we gave the secret?"""

import pytest

from gateway.signatures import make_secret, read_signature, secret_bytes, sign
from headwater.domain.errors import Unauthorized

NOW_S = 1_700_000_000
SECRET = make_secret(b"0123456789abcdefghijklmn")
BODY = b'{"a":1}'


def headers(*, body=BODY, secret=SECRET, moment_s=NOW_S, **changes):
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(moment_s),
        "webhook-signature": "v1," + sign(secret, "msg_1", str(moment_s), body),
    }
    return {**signed, **{name.replace("_", "-"): value for name, value in changes.items()}}


def check(given, body=BODY):
    read_signature(given, NOW_S * 1_000_000).check(body, SECRET)


def test_signature_is_that_of_the_specification():
    """The example of the Standard Webhooks documentation: other libraries make the same."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - theirs, published
    body = b'{"test": 2432232314}'

    found = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)

    assert found == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("moment_s", [NOW_S, NOW_S - 300, NOW_S + 300])
def test_a_signed_push_may_enter(moment_s):
    """Clocks may differ by five minutes."""
    check(headers(moment_s=moment_s))


def test_one_of_several_signatures_is_enough():
    """While a secret is replaced, senders sign with both."""
    good = headers()["webhook-signature"]

    check(headers(webhook_signature=f"v1,AAAA v1a,xyz {good}"))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_without_all_three_headers_nothing_is_signed(name):
    """The sentence says which is missing."""
    given = headers()
    del given[name]

    with pytest.raises(Unauthorized, match=name) as caught:
        check(given)
    assert caught.value.code == "missing_signature"


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (headers(), b'{"a":2}'),
        (headers(secret=make_secret(b"another secret of a key!")), BODY),
        (headers(webhook_id="msg_2"), BODY),
        (headers(webhook_timestamp=str(NOW_S + 1)), BODY),
        (headers(moment_s=NOW_S - 301), BODY),
        (headers(moment_s=NOW_S + 301), BODY),
        (headers(webhook_timestamp="yesterday"), BODY),
        (headers(webhook_timestamp="1" * 400), BODY),
        (headers(webhook_signature="v1,"), BODY),
        (headers(webhook_signature=headers()["webhook-signature"].replace("v1,", "v2,")), BODY),
        (headers(webhook_signature="v1,ä\udcff"), BODY),
        (headers(webhook_id="\udcff"), BODY),
        (headers(webhook_signature="v1,AAAA " * 16 + headers()["webhook-signature"]), BODY),
    ],
)
def test_everything_else_is_refused(given, body):
    """Another body, secret, id or moment, a moment long ago, other versions, and lists of guesses."""
    with pytest.raises(Unauthorized) as caught:
        check(given, body)
    assert caught.value.code == "invalid_signature"


def test_secrets_are_shown_as_the_specification_says():
    """A prefix and base64; what is no base64 is none."""
    assert secret_bytes(SECRET) == b"0123456789abcdefghijklmn"
    with pytest.raises(ValueError, match="whsec_"):
        secret_bytes("whsec_$$$")
