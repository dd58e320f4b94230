"""What is said about a run: one line per figure, Headwater and stock side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

MEMORY_AIM_MB = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the results: where it is, what it is to reach, and which way is better."""

    measure: str  # key in the results
    path: tuple[str, ...]  # keys below it
    says: str
    unit: str
    aim: float | None = None
    less_is_better: bool = False
    peer: str = "stock"  # whose results it is compared with

    def of(self, results: Mapping[str, Any]) -> float | None:
        """Return the number, or None when it was not measured."""
        found: Any = results.get(self.measure)
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, int | float) else None

    def reached(self, number: float) -> bool | None:
        """Tell whether a number reaches the aim; None without an aim."""
        if self.aim is None:
            return None
        return number <= self.aim if self.less_is_better else number >= self.aim

    def ratio(self, ours: float, theirs: float) -> float | None:
        """Return how many times better ours is."""
        better, worse = (theirs, ours) if self.less_is_better else (ours, theirs)
        return better / worse if worse else None


def _less(measure: str, path: tuple[str, ...], says: str, unit: str, aim: float | None = None) -> Figure:
    return Figure(measure=measure, path=path, says=says, unit=unit, aim=aim, less_is_better=True)


FIGURES = (
    Figure(
        measure="a",
        path=("searchable_per_s",),
        says="(a) batches of 500, until searchable",
        unit="records/s",
        aim=100_000,
    ),
    Figure(measure="b64", path=("acknowledged_per_s",), says="(b) single pushes, 64 connections", unit="/s"),
    _less("b64", ("latency", "p99_ms"), "     acknowledged p99", "ms"),
    _less("b64", ("behind_s",), "     all searchable after the last", "s", 2),
    Figure(
        measure="b256",
        path=("acknowledged_per_s",),
        says="(b) single pushes, 256 connections",
        unit="/s",
        aim=8_000,
    ),
    _less("b256", ("latency", "p99_ms"), "     acknowledged p99", "ms"),
    _less("b256", ("behind_s",), "     all searchable after the last", "s", 2),
    _less("c", ("searchable", "p50_ms"), "(c) push to searchable at 1,000/s, p50", "ms"),
    _less("c", ("searchable", "p95_ms"), "     p95", "ms", 120),
    _less("c", ("searchable", "p99_ms"), "     p99", "ms", 500),
    Figure(
        measure="d",
        path=("searchable_per_s",),
        says="(d) Kafka-native, one record a message",
        unit="messages/s",
        aim=80_000,
    ),
    _less("e", ("total_mb",), "(e) memory of all processes, after load", "MB", MEMORY_AIM_MB),
    Figure(
        measure="f",
        path=("kafka", "searchable_per_s"),
        says="(f) flights through a stack, from Kafka; beside Quix Streams",
        unit="records/s",
        peer="quix",
    ),
    Figure(
        measure="f",
        path=("http", "searchable_per_s"),
        says="     the same over HTTP in batches of 500",
        unit="records/s",
        peer="quix",
    ),
    _less("g", ("texts_us",), "(g) ten simple text processors, a record and core", "us", 5),
    Figure(
        measure="g",
        path=("joined_per_s",),
        says="     records joined from memory, a core",
        unit="records/s",
        aim=50_000,
    ),
    _less("start", ("ready_s",), "     start to ready", "s", 15),
)


def rows(results: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the table's cells: figure, unit, Headwater, peer, ratio, aim. Not measured is left out."""
    found: list[tuple[str, ...]] = []
    for figure in FIGURES:
        ours, theirs = figure.of(results["headwater"]), figure.of(results.get(figure.peer, {}))
        if ours is None and theirs is None:
            continue
        ratio = figure.ratio(ours, theirs) if ours is not None and theirs is not None else None
        found.append(
            (
                figure.says,
                figure.unit,
                _number(ours),
                _number(theirs),
                f"{ratio:.1f} x" if ratio is not None else "",
                _aim(figure, ours),
            )
        )
    return found


HEADINGS = ("figure", "unit", "Headwater", "stock stack", "ratio", "aim")


def table(results: Mapping[str, Any]) -> Table:
    """Return the table for a terminal."""
    shown = Table(title="Headwater and the stock stack, same machine, broker and store")
    for number, heading in enumerate(HEADINGS):
        shown.add_column(heading, justify="left" if number in (0, 1, 5) else "right")
    for row in rows(results):
        shown.add_row(*row)
    return shown


def markdown(results: Mapping[str, Any]) -> str:
    """Return the table, the memory of each process and the machine as a page."""
    machine = results["machine"]
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS))]
    lines += [_line(row) for row in rows(results)]
    memory = results["headwater"].get("e", {}).get("processes", {})
    if memory:
        lines += ["", _line(("process", "MB before load", "MB after load")), _line(["---"] * 3)]
        lines += [_line((name, str(one["before"]), str(one["after"]))) for name, one in memory.items()]
    facts = (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']} GB, {machine['system']},"
        f" {machine['python']}, commit {machine['commit']}, {machine['date']},"
        f" load average before {machine['load_average_before'][0]}; `{results['command']}`"
    )
    return "\n".join([*lines, "", facts, ""])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.strip() for cell in cells) + " |"


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if number >= 100 else f"{number:,.2f}".rstrip("0").rstrip(".")


def _aim(figure: Figure, ours: float | None) -> str:
    if figure.aim is None:
        return ""
    aim = f"{'<=' if figure.less_is_better else '>='} {figure.aim:,.0f}"
    if ours is None:
        return aim
    return f"{aim} {'reached' if figure.reached(ours) else 'MISSED'}"
