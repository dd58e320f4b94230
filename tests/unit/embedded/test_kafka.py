"""What a new broker is called."""

from headwater.embedded.kafka import new_cluster_id


def test_no_cluster_id_looks_like_an_option():
    """One id in 64 would begin with a dash, and formatting would fail on that machine, that day."""
    assert not [name for name in (new_cluster_id() for _ in range(2000)) if name.startswith("-")]


def test_cluster_ids_are_long_and_different():
    """128 bits in base64, as Kafka's own tool makes them."""
    names = {new_cluster_id() for _ in range(100)}
    assert {len(name) for name in names} == {22}
    assert len(names) == 100
