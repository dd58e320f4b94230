"""What the tests of the expression language share: evaluation with simple means, and trees of all kinds."""

import unicodedata

from hypothesis import strategies as st

from headwater.domain.expressions import Outside, compile_expression, parse
from headwater.domain.expressions.functions import FUNCTIONS
from headwater.domain.expressions.parser import CHAINED
from headwater.domain.expressions.tree import (
    Call,
    Chain,
    Choice,
    Constant,
    Factorial,
    Field,
    Literal,
    Not,
    Power,
    Sign,
)
from headwater.domain.points import GeoPoint
from headwater.domain.types import INT_MAX

MOMENT = 1_700_000_000_123_456 << 12  # the version of a record of 2023-11-14T22:13:20.123456Z


class TookTooLong(ValueError):
    """What a searcher of regular expressions raises on its own account."""


def search(pattern, text):
    if pattern == "(":
        raise ValueError("the regular expression does not end")
    if pattern == "slow":
        raise TookTooLong("the search took too long")
    return pattern in text


def moved(position, epsg):
    if epsg == 0:
        raise ValueError("there is no system 0")
    y, x = position
    return y / 1000, x / 1000


def marked(shape, epsg):
    if epsg == 0:
        raise ValueError("there is no system 0")
    return {**shape, "moved": epsg}


OUTSIDE = Outside(
    transliterate=lambda text: unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode(),
    search=search,
    point_to_wgs84=moved,
    shape_to_wgs84=marked,
)


def value_of(text, record=None, version=MOMENT):
    """Evaluate an expression, written without its leading `=`."""
    return compile_expression(parse(f"={text}"), OUTSIDE)(record or {}, version)


NAMES = ("a", "b", "price", "X", "count", "not", "Pi", "e", "TRUE", "33", "20_to_25_yo", "_x")
OPERATORS = {}
for sign, rank in CHAINED.items():
    OPERATORS.setdefault(rank, []).append(sign)

texts = st.text(max_size=8) | st.sampled_from(
    [
        "2014-06-07",
        "7/8/2014",
        "2014-06-07T17:00:00+02:00",
        "2299-12-31T23:59:59Z",
        "12,5",
        "-3",
        "1e3",
        "true",
    ]
)
numbers = st.integers(0, INT_MAX) | st.floats(0, allow_nan=False, allow_infinity=False) | st.integers(0, 12)
leaves = st.one_of(
    st.builds(Literal, numbers | texts),
    st.builds(Constant, st.sampled_from(["pi", "e", "true", "false"])),
    st.builds(Field, st.sampled_from(NAMES)),
)


def larger(parts):
    chains = st.sampled_from(sorted(OPERATORS)).flatmap(
        lambda rank: st.builds(
            Chain,
            parts,
            st.lists(st.tuples(st.sampled_from(OPERATORS[rank]), parts), min_size=1, max_size=3).map(tuple),
        )
    )
    cases = st.lists(st.tuples(parts, parts), min_size=1, max_size=2).map(tuple)
    calls = st.sampled_from(sorted(FUNCTIONS)).flatmap(
        lambda name: st.builds(
            Call,
            st.just(name),
            st.lists(
                parts,
                min_size=FUNCTIONS[name].least,
                max_size=len(FUNCTIONS[name].parameters) + FUNCTIONS[name].repeats,
            ).map(tuple),
        )
    )
    return st.one_of(
        chains,
        calls,
        st.builds(Choice, cases, st.none() | parts),
        st.builds(Power, parts, parts),
        st.builds(Sign, parts),
        st.builds(Not, parts),
        st.builds(Factorial, parts),
    )


trees = st.recursive(leaves, larger, max_leaves=12)

json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 400),
        st.integers(),
        st.just(2**5000),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
        st.text(st.characters(), max_size=3),
        st.just("x" * 10_000),
        st.just("\ud800"),
        st.just("48.1,2.5"),
        st.just('{"type": "Point", "coordinates": [2.5, 48]}'),
        st.just(GeoPoint.at(48.5, 2.25)),
    ),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts, max_size=3),
    max_leaves=4,
)
records = st.dictionaries(st.sampled_from(["a", "b", "price", "X", "_33", "e"]), json_values, max_size=6)
