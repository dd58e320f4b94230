"""Fit to serve?  Named checks for readiness, and liveness by progress instead of by existing.

Not ready: send no work here now. Failed: only a restart can help; the process ends itself (process.py).
"""

import time
from collections.abc import Callable
from typing import Any

Now = Callable[[], float]  # seconds of a clock that never steps back


class Progress:
    """Whether waiting work moves. Work that waits without moving is what a restart mends."""

    def __init__(self, *, unready_after_s: float, fail_after_s: float, now: Now = time.monotonic) -> None:
        self.unready_after_s = unready_after_s
        self.fail_after_s = fail_after_s
        self._now = now
        self._waiting_since: float | None = None

    def pending(self) -> None:
        """Note that work is waiting; repeated calls keep the first moment."""
        if self._waiting_since is None:
            self._waiting_since = self._now()

    def moved(self) -> None:
        """Note that some work was finished; more may be waiting."""
        self._waiting_since = self._now()

    def idle(self) -> None:
        """Note that nothing is waiting."""
        self._waiting_since = None

    @property
    def stuck_s(self) -> float:
        """Seconds since the last movement while work waits; 0 when none does."""
        return 0.0 if self._waiting_since is None else self._now() - self._waiting_since


class Health:
    """What /readyz and /healthz say. Ready when every check that was ever set is ok and work moves.

    While nothing was set it is not ready: a service that has not said what it needs is still starting.
    """

    def __init__(self, now: Now = time.monotonic) -> None:
        self._now = now
        self._checks: dict[str, tuple[bool, str]] = {}
        self._progress: dict[str, Progress] = {}
        self._failure: str | None = None
        self.was_ready = False  # at any time so far

    def set(self, name: str, ok: bool, detail: str = "") -> None:
        """Set one check; a service registers what it needs as not ok before it starts it."""
        self._checks[name] = (ok, detail)
        self.was_ready = self.was_ready or self.ready

    def is_ok(self, name: str) -> bool:
        """Tell what was last set for one check; True for one that was never set."""
        return self._checks.get(name, (True, ""))[0]

    def fail(self, reason: str) -> None:
        """Say that only a restart can help; the first reason stays."""
        self._failure = self._failure or reason

    def progress(self, name: str, *, unready_after_s: float = 30, fail_after_s: float = 120) -> Progress:
        """Return a liveness check that fails when work waits this long without moving."""
        watched = Progress(unready_after_s=unready_after_s, fail_after_s=fail_after_s, now=self._now)
        self._progress[name] = watched
        return watched

    @property
    def failure(self) -> str | None:
        """Why the process must be restarted; None while it is alive."""
        for name, one in self._progress.items():
            if one.stuck_s >= one.fail_after_s:
                self.fail(f"{name} has not moved for {one.stuck_s:.0f} s while work is waiting")
        return self._failure

    @property
    def ready(self) -> bool:
        """Whether every check is ok, and there is one."""
        return self.failure is None and bool(self._checks) and all(ok for ok, _ in self._all().values())

    def report(self) -> dict[str, Any]:
        """Return the body of /readyz."""
        checks = {name: {"ok": ok, "detail": detail} for name, (ok, detail) in self._all().items()}
        return {"ready": self.ready, "failure": self.failure, "checks": checks}

    def _all(self) -> dict[str, tuple[bool, str]]:
        moving = {
            name: (one.stuck_s < one.unready_after_s, f"waiting for {one.stuck_s:.1f} s" * (one.stuck_s > 0))
            for name, one in self._progress.items()
        }
        return {**self._checks, **moving}
