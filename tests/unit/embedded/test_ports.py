"""Ports that a stack of its own may use."""

from headwater.embedded import ports


def test_free_ports_differ_and_are_not_the_kernel_s_to_give():
    """A port that any outgoing connection may take is not ours."""
    found = ports.free_ports(50)
    assert len(set(found)) == 50
    assert set(found) <= set(ports.BELOW_EPHEMERAL)


def test_taken_ports_are_passed_over(monkeypatch):
    """Only those on which we can listen."""
    monkeypatch.setattr(ports, "BELOW_EPHEMERAL", range(20_000, 20_004))
    monkeypatch.setattr(ports, "_is_free", lambda port: port != 20_002)
    assert sorted(ports.free_ports(3)) == [20_000, 20_001, 20_003]
