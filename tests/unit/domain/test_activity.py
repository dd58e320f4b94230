"""What the lines of topic activity add up to."""

import orjson
import pytest

from headwater.domain.activity import ActivityBook, Progress, Traffic


def line(**members):
    return orjson.dumps(members)


def test_lines_of_all_instances_are_added_up():
    """Each instance counts for itself; its newer line replaces its older one."""
    book = ActivityBook()
    book.read("in/da_1/realtime/p1", line(started_at_us=1, at_us=5, records=2, quarantined=0))
    book.read("in/da_1/realtime/p1", line(started_at_us=1, at_us=9, records=3, quarantined=1))
    book.read("in/da_1/realtime/p2", line(started_at_us=2, at_us=7, records=10, quarantined=1))
    book.read("in/da_1/other/p2", line(started_at_us=2, at_us=7, records=1, quarantined=0))
    assert book.traffic("da_1") == {
        "realtime": Traffic(at_us=9, records=13, quarantined=2),
        "other": Traffic(at_us=7, records=1, quarantined=0),
    }
    assert book.traffic("da_2") == {}


def test_last_news_of_a_build_counts():
    """A line without value takes it away."""
    book = ActivityBook()
    book.read("build/da_1", line(build="bu_1", replayed=5, total=None, at_us=1))
    book.read("build/da_1", line(build="bu_1", replayed=6, total=10, at_us=2))
    assert book.progress("da_1") == Progress(build="bu_1", replayed=6, total=10, at_us=2)
    book.read("build/da_1", None)
    assert book.progress("da_1") is None


@pytest.mark.parametrize("key", ["", "nonsense/da_1", "in/da_1", "in/da_1/a/b/c"])
def test_key_of_no_known_kind_is_refused(key):
    """The reader of the topic skips it."""
    with pytest.raises(ValueError, match=r"line|unpack"):
        ActivityBook().read(key, b"{}")
