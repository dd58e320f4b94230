"""What can an operator type?  headwater up, status, dataset, push.

Exit codes: 0 done, 1 it did not work (a sentence on stderr says why), 2 wrong usage.
"""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from headwater import __version__
from headwater.client import Client
from headwater.domain.errors import HeadwaterError
from headwater.embedded.datadir import ADMIN_KEY_VARIABLE, DEFAULT_DATA_DIR, DataDir
from headwater.embedded.state import RunState, read_state

Result = TypeVar("Result")

app = typer.Typer(
    name="headwater",
    help="A realtime data platform: push JSON over HTTP or Kafka, search it in well under two seconds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
dataset_app = typer.Typer(help="Create, list and show datasets.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

DataDirOption = Annotated[
    Path, typer.Option("--data-dir", help="Directory with all the state of the embedded stack.")
]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="HEADWATER_URL", help="Gateway; default: the one that runs on --data-dir."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--admin-key", envvar=ADMIN_KEY_VARIABLE, help="Default: the one in <data-dir>/admin.key."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def main() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def up(
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Push a year of New York's flights and weather, and show how it goes."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_500, help="Gateway's port; metrics follow at the next ones. Default 8480."
        ),
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Use ports that are free now instead of 8480.., 8123, 9092.")
    ] = False,
    processors: Annotated[int, typer.Option(min=1, max=64, help="How many processor processes.")] = 1,
    sinks: Annotated[int, typer.Option(min=1, max=64, help="How many sink processes.")] = 1,
    demo_rate: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Records a second that the demo pushes.")
    ] = 1_000,
    logs: Annotated[
        bool | None,
        typer.Option("--logs/--no-logs", help="Show the processes' output; default: unless --demo."),
    ] = None,
) -> None:
    """Run everything on this machine: Kafka, the store, and Headwater's services. Ctrl-C stops it.

    Needs nothing but Python: the first start downloads Kafka's jars (45 MB) into ~/.cache/headwater. All
    state is in the data directory; the next start finds it again.
    """
    from headwater.embedded.console import StackConsole
    from headwater.embedded.demo.feed import Feed
    from headwater.embedded.stack import Shape
    from headwater.embedded.supervisor import ignore_line
    from headwater.embedded.up import RunningStack, UpOptions
    from headwater.embedded.up import up as run_up

    console = StackConsole(out)
    options = UpOptions(
        data_dir=DataDir(data_dir),
        shape=Shape(processors=processors, sinks=sinks),
        port=port,
        free_ports=free_ports,
    )

    async def while_up(running: RunningStack) -> None:
        console.ready(running)
        if not demo:
            return
        async with Client(running.stack.gateway_url, running.admin_key) as client:
            feed = Feed(client, options.data_dir, records_per_s=demo_rate)
            showing = asyncio.create_task(console.progress(feed))
            try:
                await feed.run(on_ready=lambda: console.curl_to_try(running))
            finally:
                showing.cancel()
                await asyncio.wait({showing})
            console.say(
                f"The demo has pushed all {feed.pushed:,} records; everything stays up. Ctrl-C stops it."
            )

    show = not demo if logs is None else logs
    out.print(f"Starting Headwater {__version__} on {escape(str(options.data_dir.path))} ...")
    _run(run_up(options, while_up=while_up, on_line=console.line if show else ignore_line))
    out.print("Stopped.")


@app.command()
def status(data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """Show the processes of the stack that runs on the data directory; exit 0 when all are ready."""
    from headwater.embedded.console import process_table

    state = _run(_live_state(DataDir(data_dir)))
    if as_json:
        _print_json(asdict(state))
    else:
        for name, url in {**state.urls, "kafka": state.kafka}.items():
            out.print(f"{name:<11} {url}")
        out.print(process_table(state.processes))
    raise typer.Exit(0 if state.is_ready else 1)


@dataset_app.command("create")
def create_dataset(
    dataset_id: Annotated[str, typer.Argument(help="Name in every URL: letters, digits, '-', '_'.")],
    title: Annotated[str | None, typer.Option(help="For people; default: the name.")] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(help="Sample record(s) as JSON, or @FILE: their fields and types become the schema."),
    ] = None,
    unique_id: Annotated[
        list[str] | None,
        typer.Option("--unique-id", help="Field of the record id; repeat for several. Default: all fields."),
    ] = None,
    url: UrlOption = None,
    admin_key: KeyOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Make a dataset with a realtime resource, publish it, and print its push URL and key.

    The key is shown only now.
    """
    sample = _parse_bootstrap(bootstrap)

    async def create(client: Client) -> dict[str, Any]:
        uid = (await client.create_dataset(dataset_id, title or dataset_id))["uid"]
        resource = await client.create_resource(uid, "realtime", sample)
        for field in unique_id or []:
            await client.mark_unique_id(uid, field)
        await client.publish(uid)
        return resource

    resource = _with_client(create, url=url, admin_key=admin_key, data_dir=data_dir)
    if as_json:
        _print_json({"dataset_id": dataset_id, **resource})
        return
    out.print(f"dataset   {dataset_id}\nresource  {resource['resource_id']}\npushkey   {resource['pushkey']}")
    out.print(f"\nTry:  curl -d '{_sample_text(sample)}' '{escape(resource['push_url'])}'")


@dataset_app.command("list")
def list_datasets(
    url: UrlOption = None,
    admin_key: KeyOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """List all datasets."""
    datasets = _with_client(Client.datasets, url=url, admin_key=admin_key, data_dir=data_dir)
    if as_json:
        _print_json(datasets)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("dataset", "title", "published"):
        table.add_column(name)
    for one in datasets:
        table.add_row(one["dataset_id"], escape(one["title"]), "yes" if one["is_published"] else "no")
    out.print(table)


@dataset_app.command("show")
def show_dataset(
    dataset_id: Annotated[str, typer.Argument(help="Name of the dataset.")],
    url: UrlOption = None,
    admin_key: KeyOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Show a dataset: its state, its resources, its fields, how many records it has."""

    async def read(client: Client) -> dict[str, Any]:
        found = await client.try_dataset(dataset_id)
        if found is None:
            _fail(f"there is no dataset {dataset_id!r}; `headwater dataset list` shows all")
        found["resources"] = await client.resources(found["uid"])
        if found["is_published"]:
            seen = await client.described(dataset_id)
            found["fields"] = seen["fields"]
            found["records_count"] = seen["metas"]["default"]["records_count"]
        return found

    found = _with_client(read, url=url, admin_key=admin_key, data_dir=data_dir)
    if as_json:
        _print_json(found)
        return
    out.print(f"{found['dataset_id']}  {escape(found['title'])}")
    out.print(f"published  {'yes' if found['is_published'] else 'no'}")
    out.print(f"records    {found.get('records_count', 0):,}")
    for resource in found["resources"]:
        out.print(f"resource   {resource['push_path']}  {'enabled' if resource['enabled'] else 'disabled'}")
    for field in found.get("fields", []):
        unique = "  (part of the record id)" if "id" in field.get("annotations", {}) else ""
        out.print(f"field      {escape(field['name'])}  {field['type']}{unique}")


@app.command()
def push(
    dataset_id: Annotated[str, typer.Argument(help="Name of the dataset.")],
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="JSON object, array, or NDJSON; '-' is standard input.")
    ],
    key: Annotated[str, typer.Option(envvar="HEADWATER_PUSHKEY", help="The resource's pushkey.")],
    resource: Annotated[str, typer.Option(help="Name of the resource.")] = "realtime",
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Records in one request.")] = 500,
    url: UrlOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Push the records of a file. When it ends without an error, every record is durable."""
    records = _read_records(file.read())

    async def send(client: Client) -> None:
        with Progress(console=err, transient=not err.is_terminal) as progress:
            task = progress.add_task("pushing", total=len(records))
            for part in _parts(records, batch):
                await client.push(dataset_id, resource, key, orjson.dumps(part))
                progress.advance(task, len(part))

    _with_client(send, url=url, admin_key="", data_dir=data_dir)
    out.print(f"{len(records):,} records pushed")


def _read_records(content: bytes) -> list[Any]:
    """Return the records of a file in any of the forms that a push may have."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return [_read_line(number, line) for number, line in _lines(content)]
    return document if isinstance(document, list) else [document]


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    return ((number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip())


def _read_line(number: int, line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        _fail(f"the file is neither JSON nor NDJSON: line {number}: {error}")


def _parts(records: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]


def _parse_bootstrap(text: str | None) -> Any:
    if text is None:
        return {}
    try:
        return orjson.loads(Path(text[1:]).read_bytes() if text.startswith("@") else text)
    except (OSError, orjson.JSONDecodeError) as error:
        _fail(f"--bootstrap: {error}")


def _sample_text(sample: Any) -> str:
    one = sample[0] if isinstance(sample, list) and sample else sample
    return orjson.dumps(one or {"name": "value"}).decode()


async def _live_state(data_dir: DataDir) -> RunState:
    from headwater.embedded.readiness import asked

    return await asked(read_state(data_dir))


def _with_client(work: Any, *, url: str | None, admin_key: str | None, data_dir: Path) -> Any:
    """Return what `work` returns, given a client of the server that the options name."""

    async def run() -> Any:
        directory = DataDir(data_dir)
        base = url or read_state(directory).urls["gateway"]
        key = admin_key if admin_key is not None else directory.try_admin_key()
        if key is None:
            _fail(f"no admin key: give --admin-key, set {ADMIN_KEY_VARIABLE}, or name the --data-dir")
        async with Client(base, key) as client:
            return await work(client)

    return _run(run())


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run the work; a failure that has a name is a sentence and exit code 1."""
    try:
        return asyncio.run(work)
    except HeadwaterError as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    err.print(f"[red]error:[/red] {escape(sentence)}")
    raise typer.Exit(1)


def _print_json(document: Any) -> None:
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
