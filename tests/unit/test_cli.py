"""The command line, as far as it goes without a server."""

import json

import pytest
from typer.testing import CliRunner

from headwater import __version__, cli
from headwater.cli import app
from headwater.client import Client


class FakeServer:
    """Remembers what the client was asked to do; stands in for the client of a server."""

    def __init__(self):
        self.calls = []

    async def create_dataset(self, dataset_id, title):
        self.calls.append(("dataset", dataset_id, title))
        return {"uid": "da_1"}

    async def create_resource(self, uid, title, bootstrap):
        self.calls.append(("resource", uid, title, bootstrap))
        return {"resource_id": "realtime", "pushkey": "k" * 56, "push_url": "http://here/push/?pushkey=k"}

    async def mark_unique_id(self, uid, field):
        self.calls.append(("id", uid, field))

    async def publish(self, uid):
        self.calls.append(("publish", uid))

    async def push(self, dataset_id, resource_id, pushkey, body):
        self.calls.append(("push", dataset_id, resource_id, pushkey, json.loads(body)))


@pytest.fixture
def server(monkeypatch):
    server = FakeServer()

    async def enter(_self):
        return server

    monkeypatch.setattr(Client, "__aenter__", enter)
    return server


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in an empty directory; answers (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADWATER_ADMIN_KEY", "HEADWATER_URL", "HEADWATER_PUSHKEY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, stdin=None):
        result = CliRunner().invoke(app, arguments, input=stdin)
        return result.exit_code, result.stdout, result.stderr

    return run


def test_version_is_told(run):
    """For bug reports."""
    assert (0, f"{__version__}\n") == run("--version")[:2]


@pytest.mark.parametrize(
    "command", [(), ("up",), ("status",), ("dataset",), ("dataset", "create"), ("push",)]
)
def test_every_command_has_help(run, command):
    """Nobody should have to read the source."""
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "Usage" in out


@pytest.mark.parametrize("command", [("status",), ("dataset", "list")])
def test_command_without_a_running_stack_says_what_to_do(run, command):
    """A sentence and exit 1, not a traceback."""
    code, _, err = run(*command)
    assert code == 1
    assert "headwater up" in err


def test_dataset_is_made_and_opened(run, server):
    """One command from nothing to a URL that takes records."""
    code, out, _ = run(
        *("dataset", "create", "air", "--url", "http://here", "--admin-key", "a"),
        *("--bootstrap", '{"id": 1}', "--unique-id", "id"),
    )
    assert code == 0
    assert "k" * 56 in out
    assert "curl -d" in out
    assert server.calls == [
        ("dataset", "air", "air"),
        ("resource", "da_1", "realtime", {"id": 1}),
        ("id", "da_1", "id"),
        ("publish", "da_1"),
    ]


@pytest.mark.parametrize("content", ['[{"a":1},{"a":2},{"a":3}]', '{"a":1}\n\n{"a":2}\n{"a":3}\n'])
def test_file_is_pushed_in_batches(run, server, content):
    """An array or NDJSON: the same records in the same order."""
    code, out, _ = run(
        "push", "air", "-", "--key", "k", "--batch", "2", "--url", "http://here", stdin=content
    )
    assert (code, out) == (0, "3 records pushed\n")
    assert [call[-1] for call in server.calls] == [[{"a": 1}, {"a": 2}], [{"a": 3}]]


def test_broken_file_is_told_with_its_line(run, server):
    """And nothing is pushed."""
    code, _, err = run("push", "air", "-", "--key", "k", "--url", "http://here", stdin='{"a":1}\n{"a":\n')
    assert code == 1
    assert "line 2" in err
    assert server.calls == []


def test_bootstrap_that_is_no_json_is_told(run):
    """Before anything is made."""
    assert "--bootstrap" in run("dataset", "create", "air", "--bootstrap", "{", "--url", "http://here")[2]


def test_missing_admin_key_is_told(run):
    """Where it could come from."""
    code, _, err = run("dataset", "list", "--url", "http://here")
    assert code == 1
    assert "--admin-key" in err


def test_main_is_the_entry_point():
    """As pyproject.toml names it."""
    assert callable(cli.main)
