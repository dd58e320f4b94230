"""Process: exit codes and what ends a process; sockets and signals are in the integration test."""

import asyncio
from dataclasses import dataclass, field

import orjson
import pytest

from headwater.runtime import process as processes
from headwater.runtime.health import Health
from headwater.runtime.process import Management, Process
from headwater.runtime.settings import ProcessSettings, load

pytestmark = pytest.mark.timeout(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    process: ProcessSettings = field(default_factory=ProcessSettings)


def test_bad_settings_are_printed_and_exit_with_2(monkeypatch, capsys):
    """Nothing is started; each problem has its line on stderr, stdout stays empty."""
    monkeypatch.setenv("HEADWATER_METRICS_PORT", "many")
    monkeypatch.setenv("HEADWATER_LOG_LEVEL", "loud")

    with pytest.raises(SystemExit) as exited:
        processes.run("gateway", Settings, main=None)

    captured = capsys.readouterr()
    assert exited.value.code == 2
    assert len(captured.err.splitlines()) == 2
    assert captured.out == ""


async def test_work_that_returns_is_a_clean_stop():
    """`main` decides when it is done."""

    async def work() -> None:
        return None

    assert await processes._run_watched(work(), Process("test")) == 0


async def test_what_the_work_raises_is_not_swallowed():
    """The outermost loop logs the traceback and exits with 1."""

    async def work() -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await processes._run_watched(work(), Process("test"))


async def test_failed_health_ends_the_process_and_cancels_the_work():
    """Only a restart can help, so there is no point in going on."""
    process = Process("test")
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    process.health.fail("the log is corrupt")

    assert await processes._run_watched(work(), process, interval_s=0) == 1
    assert cancelled.is_set()


async def test_a_stop_before_it_was_ready_is_a_clean_one():
    """Whoever still waits for Kafka has nothing to finish, and keeps nobody waiting."""
    process = Process("test")
    process.stopping.set()

    async def work() -> None:
        await asyncio.Event().wait()

    assert await processes._run_watched(work(), process, interval_s=0) == 0


async def test_a_stop_that_hangs_is_cut_off():
    """A supervisor's patience is finite; ours ends before."""
    process = Process("test")
    process.health.set("kafka", ok=True)
    process.stopping.set()

    assert await processes._watch(process, interval_s=0, stop_timeout_s=0) == "the stop took longer than 0 s"


async def test_a_failure_during_the_stop_does_not_cut_it_off():
    """What is flushed while stopping is acknowledged work; time alone bounds it."""
    process = Process("test")
    process.health.set("kafka", ok=True)
    process.stopping.set()
    process.health.fail("the broker is gone")

    reason = await processes._watch(process, interval_s=0, stop_timeout_s=0.01)

    assert reason.startswith("the stop took longer")


async def test_the_probes_answer_200_while_all_is_well_and_503_with_the_reason_otherwise():
    """/readyz follows the checks, /healthz only the failure."""
    health = Health()
    management = Management(load(ProcessSettings, {}), health)
    health.set("kafka", ok=False, detail="no answer")

    assert [(await management._healthz(None)).status, (await management._readyz(None)).status] == [200, 503]
    assert orjson.loads((await management._readyz(None)).body)["checks"]["kafka"]["detail"] == "no answer"

    health.set("kafka", ok=True)
    assert (await management._readyz(None)).status == 200

    health.fail("stuck")
    assert orjson.loads((await management._healthz(None)).body) == {"status": "stuck"}


async def test_metrics_are_in_the_format_that_prometheus_reads():
    """The content type carries the version of the format."""
    answer = await Management(load(ProcessSettings, {}), Health())._metrics(None)

    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert b"process_resident_memory_bytes" in answer.body


async def test_closing_twice_is_harmless():
    """Clean-up code need not remember."""
    management = Management(load(ProcessSettings, {}), Health())
    await management.close()
    await management.close()
