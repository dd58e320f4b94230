"""Lines of topic applied tell of changes, and of nothing when nothing changed."""

import orjson
import pytest

from headwater.domain.applied import Change, try_change

LINE = {"dataset": "da_1", "generation": 2, "rows": 3, "max_version": 9, "sources": ["0:1:2"]}


def test_line_with_rows_is_a_change():
    """Of one generation."""
    assert try_change(orjson.dumps(LINE)) == Change("da_1", 2)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"5",
        orjson.dumps(LINE | {"rows": 0}),
        orjson.dumps(LINE | {"dataset": 5}),
        orjson.dumps(LINE | {"generation": None}),
        orjson.dumps({"dataset": "da_1", "generation": 1}),
    ],
)
def test_line_without_rows_or_sense_is_none(value):
    """A run that became nothing changed nothing."""
    assert try_change(value) is None
