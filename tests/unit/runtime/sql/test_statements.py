"""How do names and tables look in a statement?  (That ClickHouse understands is in tests/contract.)"""

import re

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.tables import patches_table, rows_table
from headwater.runtime.sql import statements
from headwater.runtime.sql.statements import quoted

ESCAPE = re.compile(r"\\(.)", re.DOTALL)
NAMES = st.text(alphabet=st.sampled_from("a`\\'\"\0\n{}:;-ü"), max_size=12)


@given(name=NAMES)
def test_quoted_name_ends_where_it_should_and_reads_back(name):
    """No character of a name can end its quotes, and none is lost."""
    inner = quoted(name)[1:-1]

    assert "`" not in ESCAPE.sub("", inner)
    assert ESCAPE.sub(lambda found: "\0" if found[1] == "0" else found[1], inner) == name


def test_table_with_tombstones_says_so_in_its_engine():
    """The engine hides what was deleted; the key is the record id, and there are no partitions."""
    text = statements.create_table("d", rows_table("da_a", 1), {"n:int": "Nullable(Int64)"})

    assert text.endswith(
        "`n:int` Nullable(Int64)) ENGINE = ReplacingMergeTree(`_version`, `_deleted`) ORDER BY (`_id`)"
    )


def test_table_of_patches_keeps_the_greatest_of_every_column():
    """A register that takes the last write does not care in which order the writes come."""
    text = statements.create_table("d", patches_table("da_a", 1), {})

    assert text.endswith("ENGINE = AggregatingMergeTree ORDER BY (`_id`)")


def test_copy_of_rows_takes_tombstones_along_and_patches_by_their_own_resource():
    """FINAL drops tombstones; a patch holds its resource with a version."""
    rows = statements.copy_rows("d", "s", "t", ("_id", "_deleted"), 1)
    patches = statements.copy_rows("d", "s", "t", ("_id", "_patched"), 2)

    assert rows.count("`_resource` IN (unhex({resource0:String}))") == 2
    assert "`_deleted` = 1" in rows
    assert patches.endswith(
        "FINAL WHERE tupleElement(`_resource`, 2) IN (unhex({resource0:String}), unhex({resource1:String}))"
    )
