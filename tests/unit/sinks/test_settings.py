"""What can be set for the sinks?"""

import pytest

from headwater.domain.errors import SettingsError
from headwater.runtime.settings import load
from sinks.settings import SinkSettings


def test_defaults_are_in_range_and_make_the_policy():
    """Every default passes its own check."""
    settings = load(SinkSettings, {})

    assert settings.batch_policy.max_rows == settings.batch_max_rows == 100_000
    assert settings.batch_policy.max_buffered_bytes == settings.buffer_max_bytes


def test_settings_are_read_from_their_own_variables():
    """HEADWATER_SINK_* is ours."""
    assert load(SinkSettings, {"HEADWATER_SINK_INSERTS_IN_FLIGHT": "2"}).inserts_in_flight == 2


def test_values_out_of_range_are_refused():
    """A batch of no rows would never be written."""
    with pytest.raises(SettingsError, match="HEADWATER_SINK_BATCH_MAX_ROWS"):
        load(SinkSettings, {"HEADWATER_SINK_BATCH_MAX_ROWS": "0"})
