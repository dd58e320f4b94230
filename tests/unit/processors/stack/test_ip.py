"""Where is the machine with this internet address?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.stack.ip import LocateAddress, located
from processors.stack.outcomes import Failed


class Everywhere:
    """Knows a position of every address, and which ones it was asked for."""

    def __init__(self):
        self.asked = []

    def position(self, address):
        self.asked.append(str(address))
        return 1.0, 2.0


def test_a_private_address_is_not_even_looked_up():
    """A better database may know positions of private networks of somebody else."""
    database = Everywhere()
    position = located(database)

    assert position("192.168.0.1") is None
    assert position("8.8.8.8") == {"lat": 1.0, "lon": 2.0}
    assert database.asked == ["8.8.8.8"]


def test_an_address_is_looked_up_once():
    """The same few machines send most records."""
    database = Everywhere()
    position = located(database)

    assert [position(text) for text in ("8.8.8.8", " 8.8.8.8", "8.8.8.8")] == [{"lat": 1.0, "lon": 2.0}] * 3
    assert database.asked == ["8.8.8.8"]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.just("x" * 10_000),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )
)
def test_any_json_value_is_an_outcome(value):
    """Nothing that a record can hold escapes as an exception."""
    step = LocateAddress(ip_address="ip", output_field="at").compiled()

    (outcome,) = step([{"ip": value}], [1])

    assert isinstance(outcome, Failed) or outcome["at"] is None or outcome["at"].keys() == {"lat", "lon"}
    if isinstance(outcome, Failed):
        outcome.message.encode()


@pytest.mark.parametrize("text", ["\ud800", "8.8.8.8\x00", "1" * 61])
def test_a_refusal_can_be_written_as_json(text):
    """A lone surrogate in a message would break what reports it."""
    with pytest.raises(ValueError, match="is not an IP address") as caught:
        located(Everywhere())(text)

    str(caught.value).encode()


def test_whom_the_data_is_owed_to_can_be_asked():
    """Licences want to travel with the output."""
    owed = LocateAddress(ip_address="ip", output_field="at").data_sets()

    assert any("MaxMind" in one.attribution for one in owed)
