"""What can be set for joins has names that say whose they are."""

from headwater.runtime.settings import describe, load
from processors.joining.settings import JoinSettings


def test_settings_are_those_of_the_processors():
    """So that no other service takes them for a typing error."""
    assert all(one.variable.startswith("HEADWATER_PROCESSOR_JOIN_") for one in describe(JoinSettings))
    assert load(JoinSettings, {"HEADWATER_PROCESSOR_JOIN_REFRESH_S": "2"}).refresh_s == 2
