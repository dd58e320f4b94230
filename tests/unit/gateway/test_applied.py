"""Which versions are visible already?"""

import pytest

from gateway.applied import max_version


@pytest.mark.parametrize(
    ("line", "version"),
    [
        (b'{"dataset":"da_1","max_version":42}', 42),
        (b'{"dataset":"da_1"}', None),
        (b'{"max_version":"42"}', None),
        (b"[42]", None),
        (b"not json", None),
        (b"", None),
        (None, None),
    ],
)
def test_unreadable_lines_are_nothing(line, version):
    """A line that somebody else wrote never stops the gateway."""
    assert max_version(line) == version
