"""Logs of children have a bound."""

from headwater.embedded.logs import BoundedLog


def test_log_never_takes_more_than_twice_its_limit(tmp_path):
    """A process that complains for a week must not fill the disk."""
    path = tmp_path / "logs" / "a.log"
    with BoundedLog(path, limit_bytes=1000) as log:
        for number in range(1000):
            log.write(b"line %04d\n" % number)
    assert sum(file.stat().st_size for file in path.parent.iterdir()) <= 2 * 1010


def test_tail_gives_the_newest_lines_in_order(tmp_path):
    """What a process said before it died."""
    with BoundedLog(tmp_path / "a.log") as log:
        for number in range(10):
            log.write(b"line %d\n" % number)
        assert log.tail(2) == ["line 8", "line 9"]


def test_tail_of_nothing_is_nothing(tmp_path):
    """A process that never spoke."""
    assert BoundedLog(tmp_path / "a.log").tail(5) == []
