"""Whole stacks of real processes, one for each module, and their logs when a test fails."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.api import Api
from tests.e2e.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[Stack]:
    """A running stack with one process of each service; it must end without leaving anything behind."""
    yield from _running(Stack(tmp_path_factory.mktemp("stack")))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Iterator[Stack]:
    """A running stack with two processors and two sinks."""
    yield from _running(Stack(tmp_path_factory.mktemp("pairs"), processors=2, sinks=2))


def _running(stack: Stack) -> Iterator[Stack]:
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
async def api(request) -> AsyncIterator[Api]:
    """A client of the module's stack."""
    name = "pairs" if "pairs" in request.fixturenames else "stack"
    api = Api(request.getfixturevalue(name))
    yield api
    await api.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Put the end of every log into the report of a test that failed."""
    report = yield
    stacks = [one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Stack)]
    if report.failed and call.when != "teardown":
        for stack in stacks:
            report.sections += [(f"log of {name}", text) for name, text in stack.logs().items()]
    return report
