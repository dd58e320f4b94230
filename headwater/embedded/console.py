"""What does the operator see of a running stack?  Prefixed log lines, addresses, and the demo's progress."""

import asyncio
from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from headwater.embedded.datadir import ADMIN_KEY_VARIABLE
from headwater.embedded.demo.feed import Feed
from headwater.embedded.demo.records import FLIGHTS
from headwater.embedded.state import ProcessState, State
from headwater.embedded.up import RunningStack

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")
NAME_WIDTH = 12
PROGRESS_S = 0.25  # between two pictures on a terminal
PLAIN_PROGRESS_S = 5.0  # between two lines elsewhere


class StackConsole:
    """Writes everything that `headwater up` shows; one console, so that lines and progress do not mix."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._colours: dict[str, str] = {}

    def line(self, name: str, line: str) -> None:
        """Show one line of a process's output. Called from several threads."""
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        prefix = Text(f"{name:<{NAME_WIDTH}} | ", style=colour)
        self.console.print(prefix + Text.from_ansi(line))

    def say(self, sentence: str) -> None:
        """Show one sentence of ours."""
        self.console.print(escape(sentence))

    def ready(self, running: RunningStack) -> None:
        """Show where everything is."""
        urls = {**running.stack.urls, "kafka": running.stack.bootstrap}
        table = Table.grid(padding=(0, 2))
        for name, url in urls.items():
            table.add_row(f"  {name}", url)
        table.add_row("  admin key", _where_the_key_is(running))
        table.add_row("  data, logs", f"{running.data_dir.path}, {running.data_dir.path / 'logs'}")
        self.console.print(f"\nHeadwater is ready after {running.started_in_s:.1f} s. Ctrl-C stops it.")
        self.console.print(table)

    def curl_to_try(self, running: RunningStack) -> None:
        """Show a command that works as it stands."""
        search = running.stack.urls["search"]
        url = f"{search}/catalog/datasets/{FLIGHTS.dataset_id}/records?limit=2&order_by=time_hour%20desc"
        self.console.print(f"\nTry:  curl '{url}'\n")

    async def progress(self, feed: Feed) -> None:
        """Show how the demo is going, until cancelled."""
        if not self.console.is_terminal:
            while True:
                await asyncio.sleep(PLAIN_PROGRESS_S)
                self.console.print(_progress_text(feed))
        with Live(_progress_text(feed), console=self.console, auto_refresh=False, transient=False) as live:
            while True:
                await asyncio.sleep(PROGRESS_S)
                live.update(_progress_text(feed), refresh=True)


def process_table(processes: Mapping[str, ProcessState]) -> Table:
    """Return a table of processes for `headwater status`."""
    table = Table(box=None, pad_edge=False)
    for title in ("process", "state", "pid", "restarts", "management"):
        table.add_column(title)
    for name, one in processes.items():
        state = Text(one.state, style="green" if one.state is State.READY else "red")
        table.add_row(name, state, str(one.pid or "-"), str(one.restarts), one.metrics or "-")
    return table


def error_console() -> Console:
    """Return a console on stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def _where_the_key_is(running: RunningStack) -> str:
    file = running.data_dir.admin_key_file
    return str(file) if running.data_dir.try_admin_key() == running.admin_key else f"${ADMIN_KEY_VARIABLE}"


def _progress_text(feed: Feed) -> Text:
    if feed.trouble:
        return Text(f"demo: waiting: {feed.trouble}", style="yellow")
    if feed.blindness:
        return Text(f"demo: pushed {feed.pushed:,}  search fails: {feed.blindness}", style="yellow")
    return Text(
        f"demo: pushed {feed.pushed:,}  searchable {feed.searchable:,}  "
        f"push to searchable {feed.freshness.text}"
    )
