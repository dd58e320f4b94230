"""What does a line of topic applied say?"""

import pytest

from gateway.applied import AppliedLine, try_line
from gateway.coverage import Part, Source


@pytest.mark.parametrize(
    "line",
    [
        b'{"dataset":"da_1"}',
        b'{"max_version":"42"}',
        b'{"max_version":true}',
        b'{"max_version":42,"sources":["0:1"]}',
        b'{"max_version":42,"sources":["0:5:5"]}',
        b'{"max_version":42,"sources":[7]}',
        b'{"max_version":42,"parts":["0:1:2:x"]}',
        b'{"max_version":42,"parts":["0:1:2:0/0"]}',
        b'{"max_version":42,"parts":5}',
        b"[42]",
        b"42",
        b"not json",
        b"",
        None,
    ],
)
def test_unreadable_lines_are_nothing(line):
    """A line that somebody else wrote never stops the gateway."""
    assert try_line(line) is None


def test_line_names_whole_runs_and_parts():
    """The last part of a run says how many there are."""
    line = b'{"dataset":"da_1","max_version":42,"sources":["0:5:9"],"parts":["1:2:4:0","1:2:4:1/2"]}'

    source = Source(1, 2, 4)
    assert try_line(line) == AppliedLine(42, (Source(0, 5, 9),), (Part(source, 0), Part(source, 1, 2)))


def test_line_without_sources_still_tells_a_version():
    """What is visible is visible, whoever stored it."""
    assert try_line(b'{"dataset":"da_1","max_version":42}') == AppliedLine(42)
