"""What can be set for the gateway?"""

import pytest

from gateway.app import policy_of
from gateway.settings import GatewaySettings
from headwater.domain.errors import SettingsError
from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES
from headwater.runtime.settings import load


def test_admin_key_is_required_and_hidden():
    """A gateway without a key would be open; with one it does not show it."""
    with pytest.raises(SettingsError, match="HEADWATER_ADMIN_KEY"):
        load(GatewaySettings, {})

    assert "open sesame" not in repr(load(GatewaySettings, {"HEADWATER_ADMIN_KEY": "open sesame"}))


def test_no_setting_lets_a_message_grow_past_what_kafka_takes():
    """The largest body that can be allowed, and the largest shared message, fit with room to spare."""
    environ = {"HEADWATER_ADMIN_KEY": "k", "HEADWATER_GATEWAY_BODY_LIMIT_BYTES": str(MAX_MESSAGE_BYTES)}
    with pytest.raises(SettingsError, match="BODY_LIMIT_BYTES"):
        load(GatewaySettings, environ)

    environ = {"HEADWATER_ADMIN_KEY": "k", "HEADWATER_GATEWAY_LINGER_MS": "6"}
    assert policy_of(load(GatewaySettings, environ)).linger_s == pytest.approx(0.006)
