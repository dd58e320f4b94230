"""Which records have these keys?  One page of a relation by record id, of all or of some fingerprints.

The expressions give what domain/join_keys.py gives: the same number for equal keys. No key is part of the
query, only the numbers made of them.
"""

from collections.abc import Sequence

from headwater.domain.join_keys import FIRST_MARK, FOLDED_LETTERS, LAST_MARK, MAX_NUMBER, NUMBER, WEIGHT
from headwater.domain.tables import RECORD_ID
from headwater.domain.types import FieldType
from headwater.runtime.sql.conversions import value_of
from headwater.runtime.sql.reads import OUTPUT_SETTINGS, SYSTEM_COLUMNS, read_settings
from headwater.runtime.sql.relations import Source
from headwater.runtime.sql.statements import quoted
from headwater.runtime.store import Matching, ReadField

_ID = quoted(RECORD_ID)
_PRINT = quoted("print")
_ACCENTS = f"'[\\\\x{{{FIRST_MARK:x}}}-\\\\x{{{LAST_MARK:x}}}]'"


def matching_rows(source: Source, matching: Matching, timeout_s: float) -> str:
    """Return the query for one page: the system columns, then the fields; `source` has the keys after them.

    With `matching.after` that record id is bound as {after:String}, in hexadecimal.
    """
    fields = source.fields[: len(matching.fields)]
    keys = source.fields[len(matching.fields) :]
    values = [f"{value_of(one)} AS {_value(place)}" for place, one in enumerate(fields)]
    prints = [f"{_print_of(keys, matching)} AS {_PRINT}"] if keys else []
    wanted = ", ".join([*map(quoted, SYSTEM_COLUMNS), *map(_value, range(len(fields)))])
    conditions = [f"{_ID} > unhex({{after:String}})"] if matching.after else []
    if keys:
        listed = ", ".join(str(int(one)) for one in sorted(matching.prints))
        conditions.append(f"{_PRINT} IN ({listed})" if listed else "0")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"SELECT {wanted} FROM (SELECT {', '.join([*map(quoted, SYSTEM_COLUMNS), *values, *prints])} "  # noqa: S608
        f"FROM {source.text}){where} ORDER BY {_ID} LIMIT {int(matching.limit)} "
        f"SETTINGS {read_settings(timeout_s)}{source.settings}, precise_float_parsing=1, {OUTPUT_SETTINGS} "
        "FORMAT JSONCompactEachRow"
    )


def _value(place: int) -> str:
    return quoted(f"value/{place}")


def _print_of(keys: Sequence[ReadField], matching: Matching) -> str:
    """Return the fingerprint of several keys; null when one of them is empty."""
    text = _part_of(keys[0], matching)
    for one in keys[1:]:
        text = f"({text}) * {WEIGHT} + {_part_of(one, matching)}"
    return text


def _part_of(field: ReadField, matching: Matching) -> str:
    """Return the part of one key; null when it is empty, or of a type that cannot be compared."""
    value = value_of(field)
    match field.type:
        case FieldType.INT | FieldType.DOUBLE:
            return _bits(value)
        case FieldType.TEXT:
            whole = value if matching.case_sensitive else _folded(value)
            return f"if({_is_number(value)}, {_bits(_number_in(value))}, {_crc(whole)})"
        case FieldType.BOOLEAN:
            return _crc(f"multiIf({value}, 'true', NOT {value}, 'false', NULL)")
        case FieldType.DATE | FieldType.DATETIME:
            return _crc(f"toString({value})")
        case _:
            return "CAST(NULL, 'Nullable(UInt64)')"


def _bits(number: str) -> str:
    return f"reinterpretAsUInt64(toFloat64({number}) + 0)"  # adding 0 makes -0 the same as 0


def _crc(text: str) -> str:
    return f"toUInt64(CRC32({text}))"


def _is_number(text: str) -> str:
    return f"length({text}) <= {MAX_NUMBER} AND match({text}, '^{NUMBER}$')"


def _number_in(text: str) -> str:
    return f"toFloat64OrNull(replaceOne({text}, ',', '.'))"


def _folded(text: str) -> str:
    plain = f"lowerUTF8(replaceRegexpAll(normalizeUTF8NFD({text}), {_ACCENTS}, ''))"
    for letter, same in FOLDED_LETTERS:
        plain = f"replaceAll({plain}, '{letter}', '{same}')"
    return plain
