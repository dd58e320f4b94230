"""`headwater up`, from outside: real processes, real signals."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

START_S, STOP_S = 90, 60
HEADWATER = (sys.executable, "-m", "headwater")


def headwater(*arguments):
    command = (*HEADWATER, *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Up:
    """One `headwater up` on one data directory."""

    def __init__(self, data_dir, *arguments):
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".out")
        options = ("--data-dir", str(data_dir), "--free-ports", *arguments)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen((*HEADWATER, "up", *options), stdout=log, stderr=log)

    @property
    def state(self):
        try:
            return json.loads((self.data_dir / "run.json").read_bytes())
        except FileNotFoundError:
            return {"processes": {}}

    def wait_for(self, pattern):
        deadline = time.monotonic() + START_S
        while not re.search(pattern, self.log.read_text()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(STOP_S)


@pytest.fixture
def up(tmp_path):
    """Starts stacks on one data directory, one after the other; ends what a test leaves."""
    started = []

    def start(*arguments):
        started.append(Up(tmp_path / "data", *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop(signal.SIGTERM)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition):
    deadline = time.monotonic() + STOP_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_demo_runs_stops_and_goes_on(up):
    """The five-minute start: push, search, Ctrl-C, and a second start finds its data again."""
    first = up("--demo", "--demo-rate", "500")
    first.wait_for("searchable [1-9]")
    command = first.log.read_text().split("Try:  ")[1].splitlines()[0]
    answer = subprocess.run(command, shell=True, capture_output=True, check=True, timeout=20).stdout  # noqa: S602
    found = json.loads(answer)["total_count"]
    assert found > 0

    refused = headwater("up", "--data-dir", str(first.data_dir))
    assert (refused.returncode, "another `headwater up`" in refused.stderr) == (1, True)

    pids = [process["pid"] for process in first.state["processes"].values()]
    assert first.stop() == 0
    assert not any(map(is_alive, pids))
    position = json.loads((first.data_dir / "demo.json").read_bytes())["position"]

    first.log.unlink()
    second = up("--demo", "--demo-rate", "500")
    second.wait_for("searchable [1-9]")
    assert json.loads((second.data_dir / "demo.json").read_bytes())["position"] > position


def test_status_dataset_and_push(up, tmp_path):
    """An operator's first commands."""
    stack = up()
    stack.wait_for("is ready")
    here = ("--data-dir", str(stack.data_dir))
    status = headwater("status", "--json", *here)
    assert status.returncode == 0
    assert {"ready"} == {one["state"] for one in json.loads(status.stdout)["processes"].values()}

    sample = '{"id": "a", "value": 1.5}'
    made = headwater("dataset", "create", "air", "--bootstrap", sample, "--unique-id", "id", "--json", *here)
    records = tmp_path / "records.json"
    records.write_text(json.dumps([{"id": str(number), "value": number} for number in range(1200)]))
    key = json.loads(made.stdout)["pushkey"]
    assert headwater("push", "air", str(records), "--key", key, *here).stdout == "1,200 records pushed\n"

    def count():
        return json.loads(headwater("dataset", "show", "air", "--json", *here).stdout)["records_count"]

    wait_until(lambda: count() == 1200)


def test_nothing_outlives_a_killed_up(up):
    """After kill -9 the next start finds the ports and the data free."""
    stack = up()
    stack.wait_for("is ready")
    pids = [process["pid"] for process in stack.state["processes"].values()]
    stack.process.kill()
    stack.process.wait()
    wait_until(lambda: not any(map(is_alive, pids)))
    stack.log.unlink()
    up().wait_for("is ready")
