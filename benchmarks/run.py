"""Run the benchmarks: `python -m benchmarks.run`.

Starts the real stack through `headwater up`, drives it, then drives the stock stack on the same broker and
store, prints a table and writes benchmarks/results/<moment>.json and .md. Exits 1 when a record is missing,
doubled or refused, or when anything takes longer than it may. A figure that misses its aim is said so in the
table and does not change the exit code: aims depend on the machine.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop
from rich.console import Console

from benchmarks.expectations import ExpectationFailed
from benchmarks.machine import machine_facts
from benchmarks.measures.enrichment import enrichment, peer_enrichment
from benchmarks.measures.freshness import freshness
from benchmarks.measures.memory import resident_mb
from benchmarks.measures.native import native
from benchmarks.measures.processor_time import microseconds_each, processor_seconds
from benchmarks.measures.pushes import batches, singles
from benchmarks.measures.stack_cost import stack_cost
from benchmarks.report import markdown, table
from benchmarks.stacks.headwater import HeadwaterStack
from benchmarks.stacks.quix import QuixStack
from benchmarks.stacks.stock import StockStack

RESULTS = Path(__file__).parent / "results"
MEASURES = ("a", "b", "c", "d", "e", "f", "g")

Stack = HeadwaterStack | StockStack | QuixStack
Results = dict[str, Any]
Measure = Callable[[Stack], Awaitable[Results]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything."""

    warm_up_records: int
    batch_records: int
    single_seconds: float
    freshness_rate: int  # records/s
    freshness_seconds: float
    native_messages: int
    flights: int  # sent to each stack from Kafka, and to ours over HTTP too


FULL = Sizes(
    warm_up_records=200_000,
    batch_records=1_000_000,
    single_seconds=10,
    freshness_rate=1000,
    freshness_seconds=30,
    native_messages=500_000,
    flights=200_000,
)
QUICK = Sizes(
    warm_up_records=50_000,
    batch_records=200_000,
    single_seconds=3,
    freshness_rate=1000,
    freshness_seconds=6,
    native_messages=100_000,
    flights=40_000,
)


def arguments() -> argparse.Namespace:
    """Return the command line's choices; exits 2 when they make no sense."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.split("\n\n")[1])
    parser.add_argument("--quick", action="store_true", help="a short run: numbers are rough")
    parser.add_argument(
        "--only", type=_measures, default=MEASURES, help="some measures, as in a,c", metavar="A,B"
    )
    parser.add_argument("--no-stock", action="store_true", help="leave out the stock stack")
    parser.add_argument("--no-peers", action="store_true", help="leave out Quix Streams")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON and the table")
    return parser.parse_args()


def _measures(text: str) -> tuple[str, ...]:
    chosen = tuple(one.strip() for one in text.split(","))
    unknown = set(chosen) - set(MEASURES)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(MEASURES)}")
    return chosen


class Bench:
    """One run of the chosen measures."""

    def __init__(self, console: Console, sizes: Sizes, only: tuple[str, ...]) -> None:
        self._console = console
        self._sizes = sizes
        self._only = only

    async def headwater(self, stack: HeadwaterStack) -> Results:
        """Measure the real stack."""
        results = await self._measure(stack)
        if "e" in results:
            results["e"]["total_mb"] = _total(results["e"])
        if "f" in self._only:
            results["f"] = await self._step(stack, self._flights, self._enrichment)
        if "g" in self._only:
            results["g"] = await stack_cost()
        return {"start": {"ready_s": stack.start_s}, **results}

    async def stock(self, stack: StockStack) -> Results:
        """Measure the stock stack; its memory has no total, since broker and store are those of the other."""
        return await self._measure(stack)

    async def quix(self, stack: QuixStack) -> Results:
        """Measure the peer of the transformation stack."""
        return {"f": await self._step(stack, self._flights, self._peer_enrichment)}

    @property
    def _flights(self) -> str:
        return f"{self._sizes.flights:,} flights through a transformation stack"

    async def _enrichment(self, stack: HeadwaterStack) -> Results:
        return await enrichment(stack, self._sizes.flights, self._sizes.flights // 5)

    async def _peer_enrichment(self, stack: QuixStack) -> Results:
        return await peer_enrichment(stack, self._sizes.flights, self._sizes.flights // 5)

    async def _measure(self, stack: Stack) -> Results:
        before = resident_mb(stack.pids)
        results = {}
        await self._step(stack, "warm-up", self._warm_up)
        for name, says, measure in self._chosen():
            results[name] = await self._step(stack, says, measure)
        if "e" in self._only:
            results["e"] = _memory(before, resident_mb(stack.pids))
        return results

    def _chosen(self) -> list[tuple[str, str, Measure]]:
        sizes = self._sizes
        steps: list[tuple[str, str, Measure]] = [
            ("a", f"{sizes.batch_records:,} records in batches of 500", self._batches),
            ("b64", f"single pushes over 64 connections, {sizes.single_seconds:.0f} s", self._singles_64),
            ("b256", f"single pushes over 256 connections, {sizes.single_seconds:.0f} s", self._singles_256),
            ("c", f"push to searchable at {sizes.freshness_rate:,}/s", self._freshness),
            ("d", f"{sizes.native_messages:,} Kafka-native messages", self._native),
        ]
        return [step for step in steps if step[0][0] in self._only]

    async def _warm_up(self, stack: Stack) -> Results:
        return await batches(await stack.target("warmup"), self._sizes.warm_up_records)

    async def _batches(self, stack: Stack) -> Results:
        return await batches(await stack.target("a"), self._sizes.batch_records)

    async def _singles_64(self, stack: Stack) -> Results:
        return await singles(await stack.target("b64"), connections=64, seconds=self._sizes.single_seconds)

    async def _singles_256(self, stack: Stack) -> Results:
        return await singles(await stack.target("b256"), connections=256, seconds=self._sizes.single_seconds)

    async def _freshness(self, stack: Stack) -> Results:
        sizes = self._sizes
        return await freshness(
            await stack.target("c"), rate=sizes.freshness_rate, seconds=sizes.freshness_seconds
        )

    async def _native(self, stack: Stack) -> Results:
        return await native(await stack.target("d"), self._sizes.native_messages)

    async def _step(self, stack: Stack, says: str, measure: Measure) -> Results:
        before = processor_seconds(stack.pids)
        with self._console.status(f"{stack.name}: {says}"):
            result = await measure(stack)
        used = microseconds_each(before, processor_seconds(stack.pids), result["records"])
        result = {**result, "processor_us_per_record": used}
        line = f"[bold]{stack.name}: {says}[/]: {orjson.dumps(result).decode()}"
        self._console.print(line, highlight=False, soft_wrap=True)
        return result


def _memory(before: dict[str, float], after: dict[str, float]) -> Results:
    return {"processes": {name: {"before": before[name], "after": mb} for name, mb in after.items()}}


def _total(memory: Results) -> float:
    return float(round(sum(one["after"] for one in memory["processes"].values()), 1))


async def run(console: Console, chosen: argparse.Namespace) -> Results:
    """Measure both stacks; raises ExpectationFailed when a number would not be valid."""
    bench = Bench(console, QUICK if chosen.quick else FULL, chosen.only)
    results: Results = {"command": " ".join(["python -m benchmarks.run", *sys.argv[1:]]), "stock": {}}
    results["machine"] = machine = machine_facts()
    if machine["load_average_before"][0] > machine["cores"] / 2:
        console.print(
            f"[yellow]this machine is busy (load {machine['load_average_before'][0]}): low numbers[/]"
        )
    folder, keep = Path(tempfile.mkdtemp(prefix="headwater-bench-")), False
    try:
        async with HeadwaterStack(folder) as stack:
            results["headwater"] = await bench.headwater(stack)
            if not chosen.no_stock and set(chosen.only) - {"f", "g"}:
                async with StockStack(stack.kafka, stack.clickhouse_url, folder) as stock:
                    results["stock"] = await bench.stock(stock)
            if "f" in chosen.only and not chosen.no_peers:
                async with QuixStack(stack.kafka, stack.clickhouse_url, folder) as quix:
                    results["quix"] = await bench.quix(quix)
    except ExpectationFailed:
        console.print(f"logs and data are kept in {folder}")
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return results


def write(results: Results, folder: Path) -> Path:
    """Write the JSON and the table; return the JSON's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    path.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    path.with_suffix(".md").write_text(markdown(results))
    return path


async def _until_stopped(measuring: Awaitable[Results]) -> Results:
    """Measure; a SIGTERM cancels, so that everything that was started is ended."""
    task = asyncio.ensure_future(measuring)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def main() -> int:
    """Run, print, write; return the exit code."""
    console = Console() if sys.stdout.isatty() else Console(width=120)
    chosen = arguments()
    try:
        results = uvloop.run(_until_stopped(run(console, chosen)))
    except ExpectationFailed as error:
        console.print(f"[bold red]benchmark failed:[/] {error}", soft_wrap=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("stopped")
        return 130
    console.print(table(results))
    console.print(f"written to {write(results, chosen.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
