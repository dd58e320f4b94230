"""How is a relation asked for?  (That ClickHouse understands is in tests/contract.)"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.types import FieldType
from headwater.runtime.sql.reads import count_rows, select_rows
from headwater.runtime.sql.relations import composed_source, plain_source
from headwater.runtime.store import ReadField, Relation, Select

NAMES = st.text(alphabet=st.sampled_from("a`\\'\"\0\n{}:;-ü"), max_size=12)
COLUMNS = frozenset({"n:int", "n:text"})
FIELD = ReadField("n", FieldType.TEXT, ("n:int", "n:text"))
PLAIN = Relation(table="t")
MERGED = Relation(table="t", patches="p")
PAST = Relation(table="t", as_of=7, history="h", patches_history="ph")


def plain_text(select):
    source = plain_source("d", select.relation, select.fields, frozenset(), one=select.record_id is not None)
    return select_rows(source, select, 10)


def composed_text(select, columns=COLUMNS):
    relation = select.relation
    tables = (relation.table, relation.patches, relation.history, relation.patches_history)
    there = {name: columns for name in tables if name}
    one = select.record_id is not None
    return select_rows(composed_source("d", relation, select.fields, there, one=one), select, 10)


def test_plain_relation_is_one_table():
    """What most reads are stays as simple as it is."""
    select = Select(relation=PLAIN, fields=(FIELD,), record_id="r")

    text = plain_text(select)

    assert "FROM `d`.`t` FINAL WHERE `_id` = unhex({record_id:String}) ORDER BY `_id` LIMIT 10" in text
    assert count_rows(plain_source("d", PLAIN, (), frozenset(), one=False), 10).startswith(
        "SELECT count() FROM `d`.`t` FINAL SETTINGS readonly=1, "
    )


def test_floor_is_a_condition_only_where_there_is_one():
    """A dataset that was never synchronised pays nothing for those that were."""
    source = plain_source("d", Relation(table="t", since=5), (), frozenset(), one=False)

    assert source.text == "`d`.`t` FINAL WHERE `_version` >= 5"


def test_floor_that_came_later_does_not_count_in_the_past():
    """What was shown then was hidden later; an earlier floor is another."""
    assert [Relation(table="t", since=5, as_of=as_of).floor for as_of in (4, 5, 6, None)] == [0, 5, 5, 5]


@pytest.mark.parametrize("relation", [MERGED, PAST])
def test_record_is_looked_up_by_its_id_in_every_table(relation):
    """No part of a composed read goes through all records to find one."""
    text = composed_text(Select(relation=relation, fields=(FIELD,), record_id="r"))

    assert text.count("`_id` = unhex({record_id:String})") == text.count("FROM `d`.")


@pytest.mark.parametrize("relation", [MERGED, PAST])
@given(name=NAMES, table=NAMES.filter(bool))
def test_composed_statement_without_its_quoted_names_is_always_the_same(relation, name, table):
    """What a person wrote changes nothing but what stands between backquotes."""
    quoted_names = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL)
    columns = (f"{name}:int", f"{name}:text")
    hostile = Select(
        relation=Relation(
            table=table,
            patches=f"{table}_p" if relation.patches else "",
            as_of=relation.as_of,
            history=f"{table}_h" if relation.history else "",
            patches_history=f"{table}_ph" if relation.history else "",
        ),
        fields=(ReadField(name, FieldType.TEXT, columns),),
        order_by=((name, True),),
    )
    plain = Select(relation=relation, fields=(FIELD,), order_by=(("n", True),))

    texts = [composed_text(hostile, frozenset(columns)), composed_text(plain)]

    assert len({quoted_names.sub("NAME", text) for text in texts}) == 1


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

    texts = [plain_text(one) for one in (select, plain)]

    assert len({quoted_names.sub("NAME", text) for text in texts}) == 1
