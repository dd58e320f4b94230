"""Which records are taken in?  Objects with something in them, within the limits, of known fields.

Good bodies are checked as a whole, at little more than a look at each record; only when something is wrong is
it asked what, record by record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.errors import HeadwaterError, InvalidRecord, OverLimit, RecordProblem
from headwater.domain.inference import technical_name
from headwater.domain.schema import MAX_FIELDS

PROBLEMS_SHOWN = 100
KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "an array"}
UNKNOWN_FIELD = "unknown field"

_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_NO_MARKS = bytes(sorted(set(range(256)) - set(b'[]{}"')))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
MISSING_KEY = "missing; it is part of the key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one push may hold.

    `known`: the only fields that its records may have; None: any. `key`: those that each must name.
    """

    records_limit: int = 100_000
    depth_limit: int = 64
    known: frozenset[str] | None = None
    key: tuple[str, ...] = ()


DEFAULT_RULES = Rules()


def check_records(records: Sequence[Any], spliced: bytes, rules: Rules) -> None:
    """Raise unless all are good records; `spliced` is their JSON.

    Raises OverLimit (`too_many_records`, `too_many_fields`, `too_deep`), InvalidRecord.
    """
    check_count(len(records), rules)
    for record in records:
        if type(record) is not dict or not 0 < len(record) <= MAX_FIELDS:
            raise _refusal(records, rules)
    limit = rules.depth_limit
    if may_be_deeper(spliced, limit, len(records)) and any(is_deeper(one, limit) for one in records):
        raise _refusal(records, rules)
    if rules.known is not None and any(_unknown(one, rules.known) for one in records):
        raise _refusal(records, rules)
    if rules.key and any(_missing(one, rules.key) for one in records):
        raise _refusal(records, rules)


def check_count(count: int, rules: Rules) -> None:
    """Raise OverLimit when a push has too many records."""
    if count > rules.records_limit:
        raise OverLimit(
            f"the push has more than {rules.records_limit} records; split it", code="too_many_records"
        )


def problems_of(index: int, record: Any, rules: Rules) -> list[RecordProblem]:
    """Return what is wrong with one record; nothing when it is good."""
    if type(record) is not dict:
        return [RecordProblem(index, None, f"{kind_of(record)}, not a JSON object")]
    if not record:
        return [RecordProblem(index, None, "an empty object")]
    if over := _over_limit(index, record, rules):
        return [RecordProblem(index, None, str(over))]
    unknown = [] if rules.known is None else _unknown(record, rules.known)
    return [
        *(RecordProblem(index, name, UNKNOWN_FIELD) for name in unknown),
        *(RecordProblem(index, name, MISSING_KEY) for name in _missing(record, rules.key)),
    ]


def may_be_deeper(spliced: bytes, limit: int, count: int) -> bool:
    """Tell cheaply whether one of `count` records may be deeper than `limit`; if not, none of them is.

    Flat records have two brackets each; one that is too deep has more pairs than the limit. If that does not
    settle it, all that nests nothing is taken away, level by level, unless there are brackets in texts.
    """
    if len(spliced) <= 2 * limit or len(spliced.translate(None, _NO_BRACKETS)) < 2 * (count + limit):
        return False
    if b"\\" in spliced:
        return True
    nested = spliced.translate(_ONE_KIND, _NO_MARKS).replace(b'""', b"")
    if b'"' in nested:  # a text with brackets: they have parted its quotes
        return True
    for _ in range(limit):
        if not nested:
            break
        nested = nested.replace(b"[]", b"")
    return bool(nested)


def is_deeper(container: Any, limit: int) -> bool:
    """Tell whether more than `limit` arrays and objects are inside each other, this one of them included."""
    if limit <= 0:
        return True
    inner = container.values() if type(container) is dict else container
    for one in inner:
        kind = type(one)
        if (kind is dict or kind is list) and is_deeper(one, limit - 1):
            return True
    return False


def kind_of(value: Any) -> str:
    """Return what a JSON value is, as part of a sentence; of those that are no object."""
    return KINDS.get(type(value), "null")


def _refusal(records: Sequence[Any], rules: Rules) -> HeadwaterError:
    """Return why the whole request is refused: a limit first, else its first bad records by index."""
    bad = 0
    problems: list[RecordProblem] = []
    for index, record in enumerate(records):
        if type(record) is dict and (over := _over_limit(index, record, rules)):
            return over
        if found := problems_of(index, record, rules):
            bad += 1
            problems += found[: PROBLEMS_SHOWN - len(problems)]
    return InvalidRecord(problems, total=len(records), bad=bad)


def _over_limit(index: int, record: dict[str, Any], rules: Rules) -> OverLimit | None:
    if len(record) > MAX_FIELDS:
        message = f"record {index} has {len(record)} fields; at most {MAX_FIELDS}"
        return OverLimit(message, code="too_many_fields")
    if is_deeper(record, rules.depth_limit):
        message = f"record {index} has more than {rules.depth_limit} arrays and objects inside each other"
        return OverLimit(message, code="too_deep")
    return None


def _unknown(record: dict[str, Any], known: frozenset[str]) -> list[str]:
    """Return the keys whose fields nobody knows."""
    return [key for key in record if key not in known and technical_name(key) not in known]


def _missing(record: dict[str, Any], key: tuple[str, ...]) -> list[str]:
    """Return the fields of the key that a record does not name; null is a value."""
    missing = [name for name in key if name not in record]
    if not missing:
        return missing
    named = set(map(technical_name, record))
    return [name for name in missing if name not in named]
