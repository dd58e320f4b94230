"""Which records of a push are good?  For pushes that want the good ones taken and the others named.

Also the way of every table (CSV), whose bytes are not what travels on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from gateway.csv_records import read_rows
from gateway.parsing import BOM, Records, is_json, lines_of, not_json, not_records, numbered
from gateway.rules import PROBLEMS_SHOWN, Rules, check_count, problems_of
from gateway.splitting import split_array
from headwater.domain.errors import InvalidRecord, RecordProblem


@dataclass(frozen=True, slots=True)
class Sorted:
    """The good records, and the others: how many, and what is wrong with the first of them."""

    records: Records
    rejected: int = 0
    problems: tuple[RecordProblem, ...] = ()

    def all_or_nothing(self) -> Records:
        """Return the records if all are good. Raises InvalidRecord."""
        if self.rejected:
            raise InvalidRecord(self.problems, total=self.records.count + self.rejected, bad=self.rejected)
        return self.records


class Item(NamedTuple):
    """What may be a record: its JSON, or why it has none."""

    text: bytes
    problem: str = ""


def sort_records(body: bytes, rules: Rules, *, is_lines: bool = False) -> Sorted:
    """Return the records of a JSON body by their goodness; `is_lines`: it is said to be NDJSON.

    Raises InvalidPush when the body as a whole is no JSON, and OverLimit (`too_many_records`).
    """
    body = body.removeprefix(BOM)
    if is_lines:
        return _sort(_line_items(body.split(b"\n"), rules), rules)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if (lines := _lines_in_spite_of_errors(body)) is not None:
            return _sort(_line_items(lines, rules), rules)
        raise not_json(error, body, rules) from error
    if type(parsed) is dict:
        return _sort(iter([Item(body.strip())]), rules)
    if type(parsed) is list:
        check_count(len(parsed), rules)
        return _sort(map(Item, split_array(body)), rules)
    raise not_records(parsed)


def sort_rows(body: bytes, rules: Rules, *, charset: str, delimiter: str, limit_bytes: int) -> Sorted:
    """Return the records of a table by their goodness; raises what `read_rows` raises, and OverLimit."""
    rows = read_rows(body, charset=charset, delimiter=delimiter, limit_bytes=limit_bytes)
    return _sort((Item(row.record, row.problem) for row in rows), rules)


def _sort(items: Iterator[Item], rules: Rules) -> Sorted:
    good: list[bytes] = []
    problems: list[RecordProblem] = []
    rejected = 0
    for index, item in enumerate(items):
        check_count(index + 1, rules)
        if item.problem:
            found = [RecordProblem(index, None, item.problem)]
        else:
            found = problems_of(index, orjson.loads(item.text), rules)
        if not found:
            good.append(item.text)
            continue
        rejected += 1
        problems += found[: PROBLEMS_SHOWN - len(problems)]
    return Sorted(Records(len(good), b",".join(good)), rejected, tuple(problems))


def _line_items(lines: list[bytes], rules: Rules) -> Iterator[Item]:
    for number, line in numbered(lines):
        try:
            orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Item(line, str(not_json(error, line, rules, first_line=number)))
        else:
            yield Item(line)


def _lines_in_spite_of_errors(body: bytes) -> list[bytes] | None:
    """Return the lines of what is NDJSON but for some lines: the first or the last one holds an object."""
    if (lines := lines_of(body)) is not None:
        return lines
    _, found, last = body.rstrip().rpartition(b"\n")
    is_some = found and last.startswith(b"{") and is_json(last)
    return body.split(b"\n") if is_some else None
