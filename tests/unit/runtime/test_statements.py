"""What do we say to ClickHouse?  (That it understands is in tests/contract.)"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.tables import rows_table
from headwater.domain.types import FieldType
from headwater.runtime import statements
from headwater.runtime.statements import quoted, stored_type
from headwater.runtime.store import ReadField, Relation, Select

ESCAPE = re.compile(r"\\(.)", re.DOTALL)
NAMES = st.text(alphabet=st.sampled_from("a`\\'\"\0\n{}:;-ü"), max_size=12)


@given(name=NAMES)
def test_quoted_name_ends_where_it_should_and_reads_back(name):
    """No character of a name can end its quotes, and none is lost."""
    inner = quoted(name)[1:-1]

    assert "`" not in ESCAPE.sub("", inner)
    assert ESCAPE.sub(lambda found: "\0" if found[1] == "0" else found[1], inner) == name


@given(name=NAMES, table=NAMES, record_id=NAMES)
def test_statement_without_its_quoted_names_is_always_the_same(name, table, record_id):
    """What a person wrote changes nothing but what stands between backquotes."""
    quoted_names = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL)
    select = Select(
        relation=Relation(table=table),
        fields=(ReadField(name, FieldType.TEXT, (f"{name}:int", f"{name}:text")),),
        order_by=((name, True),),
        record_id=record_id,
    )
    plain = Select(
        relation=Relation(table="t"),
        fields=(ReadField("f", FieldType.TEXT, ("f:int", "f:text")),),
        order_by=(("f", True),),
        record_id="r",
    )

    texts = [statements.select_rows("d", one, 10, frozenset()) for one in (select, plain)]

    assert len({quoted_names.sub("NAME", text) for text in texts}) == 1


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


def test_table_with_tombstones_says_so_in_its_engine():
    """The engine hides what was deleted; the key is the record id, and there are no partitions."""
    text = statements.create_table("d", rows_table("da_a", 1), {"n:int": "Nullable(Int64)"})

    assert text.endswith(
        "`n:int` Nullable(Int64)) ENGINE = ReplacingMergeTree(`_version`, `_deleted`) ORDER BY (`_id`)"
    )


def test_field_whose_columns_are_all_missing_reads_as_null():
    """A schema may be known before any of its rows."""
    field = ReadField("n", FieldType.INT, ("n:int",))

    assert statements.value_of(field, frozenset({"n:int"})) == "NULL"
