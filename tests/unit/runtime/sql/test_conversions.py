"""How does a column read as a type?  (The values themselves are in tests/contract.)"""

import pytest

from headwater.domain.types import FieldType
from headwater.runtime.sql.conversions import NO_POINT, nothing_in, stored_type, value_of
from headwater.runtime.store import ReadField


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("n:int", FieldType.INT),
        ("a:int:text", FieldType.TEXT),
        (":text", FieldType.TEXT),
        ("int", None),
        ("n:other", None),
    ],
)
def test_type_of_a_column_is_what_its_name_ends_with(column, kind):
    """A column that names no type is read as it is."""
    assert stored_type(column) is kind


@pytest.mark.parametrize(("kind", "nothing"), [(FieldType.INT, "NULL"), (FieldType.GEO_POINT, NO_POINT)])
def test_field_without_columns_reads_as_nothing(kind, nothing):
    """A schema may be known before any of its rows; a point cannot be null itself."""
    assert value_of(ReadField("n", kind, ())) == nothing
    assert nothing_in(f"n:{kind.value}") == nothing
