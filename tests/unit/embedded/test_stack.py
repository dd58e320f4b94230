"""What the stack is made of."""

import pytest

from headwater.embedded import stack
from headwater.embedded.errors import PortTaken
from headwater.embedded.stack import Shape, check_ports, default_ports


def test_documented_ports_are_the_default():
    """8480 serves, 8481 tells how it is; the others follow."""
    ports = default_ports(Shape())
    assert (ports.gateway, ports.metrics["gateway"], ports.store, ports.kafka.broker) == (
        8480,
        8481,
        8123,
        9092,
    )
    assert [ports.metrics[name] for name in ("schedulers", "processors", "sinks")] == [8482, 8483, 8484]


def test_gateway_port_moves_those_that_follow_it():
    """--port N."""
    ports = default_ports(Shape(), 9000)
    assert (ports.gateway, ports.metrics["gateway"]) == (9000, 9001)


def test_several_of_a_service_are_numbered_and_stop_together():
    """Who feeds the others stops first."""
    stages = Shape(processors=2, sinks=2).stages
    assert stages == (("gateway",), ("schedulers",), ("processors-0", "processors-1"), ("sinks-0", "sinks-1"))


def test_no_two_parts_share_a_port():
    """However many there are."""
    shape = Shape(processors=5, sinks=5)
    assert len(default_ports(shape).by_owner()) == len(shape.services) + 4


def test_taken_ports_are_all_named(monkeypatch):
    """One start, one complete answer, and what to do."""
    monkeypatch.setattr(stack, "taken_ports", lambda _ports: [8480, 9092])
    with pytest.raises(PortTaken, match=r"8480 \(gateway\), 9092 \(kafka\).*--free-ports.*--port"):
        check_ports(default_ports(Shape()))
