"""Which way do imports point?  The arrows of the layout, checked on every file; each breach is one line.

    services -> headwater.embedded, headwater.runtime -> headwater.domain -> standard library

The checker itself is tested on small made-up trees at the end: it must be able to fail.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = ("gateway", "processors", "sinks", "schedulers")
PACKAGES = ("headwater", *SERVICES)
DOORS = ("push", "delete", "admin", "search")

IMPURE_MODULES = ("time", "random", "os", "socket", "asyncio", "threading", "subprocess", "secrets")
CLOCK_CALLS = ("now", "utcnow", "today")
READS_ENVIRONMENT = (
    "headwater/cli.py",
    "headwater/runtime/settings.py",
)  # and every __main__.py, and embedded
PRINTS = ("headwater/cli.py", "headwater/embedded/console.py")
KNOWS_SERVICES = ("headwater/docs.py",)  # documents their settings classes


def breaches(root: Path) -> list[str]:
    """Return one sentence for each broken rule under a root, by file."""
    return [f"{file} {breach}" for file, text in _sources(root) for breach in _breaches_of(file, text)]


def _sources(root: Path) -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def _breaches_of(file: str, text: str) -> Iterator[str]:
    tree = ast.parse(text)
    for module in sorted(set(_imports(file, tree))):
        for reason in _import_rules(file, module):
            yield f"imports {module}; {reason}"
    if _is_in(file, "headwater/domain"):
        yield from _impurities(tree)
    if not _may_read_environment(file) and _reads_environment(tree):
        yield "reads the environment; only __main__.py, the CLI and runtime/settings.py may"
    if file not in PRINTS and _calls(tree, "print"):
        yield "calls print; log it, or leave it to the CLI"
    if _has_todo(text):
        yield "has a TODO; do it or open an issue"


def _imports(file: str, tree: ast.Module) -> Iterator[str]:
    """Yield the full names of what a file imports, wherever in it; `from a import b` counts as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(file, node)
            yield from (f"{base}.{one.name}" for one in node.names)


def _absolute(file: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = PurePosixPath(file).parent.parts
    parents = package[: len(package) - node.level + 1]
    return ".".join((*parents, *([node.module] if node.module else [])))


def _import_rules(file: str, module: str) -> Iterator[str]:
    here, there = PurePosixPath(file).parts[0], _root(module)
    if here in SERVICES and there in SERVICES and here != there:
        yield "services may not import each other"
    if here == "headwater" and there in SERVICES and file not in KNOWS_SERVICES:
        yield "headwater may not import a service"
    if there in {"tests", "benchmarks"}:
        yield "nothing may import tests or benchmarks"
    if _is_in(file, "headwater/domain") and not _is_domain_material(module):
        yield "the domain may import only the standard library, orjson and itself"
    if _is_in(file, "headwater/runtime") and _names(module, "headwater.embedded"):
        yield "the runtime may not import the embedded stack"
    if _is_in(file, "headwater/embedded") and _names(module, "headwater.cli"):
        yield "the embedded stack may not import the CLI"
    if here in SERVICES and (_names(module, "headwater.embedded") or _names(module, "headwater.cli")):
        yield "a service may import only headwater.runtime and headwater.domain"
    own, other = _door(file.removesuffix(".py").replace("/", ".")), _door(module)
    if own and other and own != other:
        yield "no door of the gateway may import another"


def _is_domain_material(module: str) -> bool:
    return _names(module, "headwater.domain") or _root(module) in {"orjson", *sys.stdlib_module_names}


def _root(module: str) -> str:
    return module.partition(".")[0]


def _door(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "gateway" and parts[1] in DOORS else None


def _impurities(tree: ast.Module) -> Iterator[str]:
    """Yield what a domain file does that needs a running world."""
    if any(
        isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
        for node in ast.walk(tree)
    ):
        yield "awaits; the domain decides without waiting"
    for module in sorted({name.split(".")[0] for name in _imports("", tree)} & set(IMPURE_MODULES)):
        yield f"imports {module}; the domain is told the time, the chance and the world"
    for name in sorted(set(_attribute_calls(tree)) & set(CLOCK_CALLS)):
        yield f"calls {name}(); the domain is told the time"


def _attribute_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


def _calls(tree: ast.Module, function: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
        for node in ast.walk(tree)
    )


def _may_read_environment(file: str) -> bool:
    return file in READS_ENVIRONMENT or file.endswith("/__main__.py") or _is_in(file, "headwater/embedded")


def _reads_environment(tree: ast.Module) -> bool:
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_os(node)}
    imported = {name for name in _imports("", tree) if name.startswith("os.")}
    return bool(
        (attributes | {name.removeprefix("os.") for name in imported}) & {"environ", "environb", "getenv"}
    )


def _is_os(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "os"


def _has_todo(text: str) -> bool:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    words = ("TODO", "FIXME", "XXX")
    return any(
        token.type == tokenize.COMMENT and any(word in token.string for word in words) for token in tokens
    )


def _is_in(file: str, folder: str) -> bool:
    return file.startswith(folder + "/")


def _names(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def test_every_file_keeps_to_the_arrows():
    """The one test of the real tree; a failure lists each breach on a line."""
    found = breaches(ROOT)

    assert not found, "\n" + "\n".join(found)


@pytest.fixture
def breaches_in(tmp_path):
    def check(file: str, text: str) -> list[str]:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return breaches(tmp_path)

    return check


DOMAIN_MATERIAL = "the domain may import only the standard library, orjson and itself"
SERVICE_MATERIAL = "a service may import only headwater.runtime and headwater.domain"
ENVIRONMENT = "reads the environment; only __main__.py, the CLI and runtime/settings.py may"


@pytest.mark.parametrize(
    ("file", "text", "breach"),
    [
        (
            "gateway/push/handlers.py",
            "import sinks.tables",
            "imports sinks.tables; services may not import each other",
        ),
        (
            "sinks/agent.py",
            "def late():\n    from processors import stack",
            "imports processors.stack; services may not import each other",
        ),
        (
            "gateway/push/handlers.py",
            "from gateway.admin.documents import Page",
            "imports gateway.admin.documents.Page; no door of the gateway may import another",
        ),
        (
            "gateway/push/handlers.py",
            "from ..search import pages",
            "imports gateway.search.pages; no door of the gateway may import another",
        ),
        ("headwater/domain/identity.py", "import aiohttp", f"imports aiohttp; {DOMAIN_MATERIAL}"),
        (
            "headwater/domain/identity.py",
            "from headwater.runtime.clock import Clock",
            f"imports headwater.runtime.clock.Clock; {DOMAIN_MATERIAL}",
        ),
        (
            "headwater/domain/versions.py",
            "import time",
            "imports time; the domain is told the time, the chance and the world",
        ),
        (
            "headwater/domain/versions.py",
            "from datetime import datetime\nnow = datetime.now()",
            "calls now(); the domain is told the time",
        ),
        (
            "headwater/domain/versions.py",
            "async def wait(): ...",
            "awaits; the domain decides without waiting",
        ),
        (
            "headwater/runtime/store.py",
            "from headwater import embedded",
            "imports headwater.embedded; the runtime may not import the embedded stack",
        ),
        (
            "headwater/runtime/store.py",
            "import gateway",
            "imports gateway; headwater may not import a service",
        ),
        (
            "headwater/cli.py",
            "from gateway.app import build",
            "imports gateway.app.build; headwater may not import a service",
        ),
        (
            "headwater/embedded/up.py",
            "from headwater import cli",
            "imports headwater.cli; the embedded stack may not import the CLI",
        ),
        (
            "sinks/app.py",
            "import headwater.embedded.kafka",
            f"imports headwater.embedded.kafka; {SERVICE_MATERIAL}",
        ),
        (
            "sinks/app.py",
            "from tests import assertions",
            "imports tests.assertions; nothing may import tests or benchmarks",
        ),
        ("sinks/app.py", "import os\nname = os.environ['NAME']", ENVIRONMENT),
        ("sinks/app.py", "from os import getenv", ENVIRONMENT),
        ("sinks/app.py", "print(1)", "calls print; log it, or leave it to the CLI"),
        ("sinks/app.py", "x = 1  # TODO: more", "has a TODO; do it or open an issue"),
    ],
)
def test_a_breach_is_told_in_one_line(breaches_in, file, text, breach):
    """Each rule can fail, and says which file breaks it by what."""
    assert f"{file} {breach}" in breaches_in(file, text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("gateway/push/handlers.py", "import gateway.responses\nfrom headwater.runtime import store"),
        ("gateway/push/handlers.py", "from gateway.push import bodies\nfrom . import splicing"),
        ("gateway/app.py", "from gateway.push import routes\nfrom gateway.admin import routes as admin"),
        ("headwater/domain/identity.py", "import hashlib\nimport orjson\nfrom headwater.domain import types"),
        ("headwater/embedded/kafka.py", "import os\nport = os.environ\nfrom headwater.runtime import clock"),
        ("headwater/docs.py", "from sinks.settings import SinkSettings"),
        ("headwater/cli.py", "import os\nprint(os.environ)\nfrom headwater.embedded import supervisor"),
        ("sinks/__main__.py", "import os\nos.environ.get('X')"),
        ("sinks/app.py", "text = 'a TODO in a text, and print(1)'"),
    ],
)
def test_what_is_allowed_is_not_reported(breaches_in, file, text):
    """A checker that cries without need is switched off."""
    assert breaches_in(file, text) == []


def test_the_checker_sees_the_whole_tree():
    """An empty list of files would pass everything."""
    files = {file for file, _ in _sources(ROOT)}

    assert {"headwater/domain/versions.py", "gateway/__init__.py", "schedulers/__init__.py"} <= files
