"""Starts the schedulers: `python -m schedulers`."""

from headwater.runtime.process import run
from schedulers.app import main
from schedulers.settings import SchedulerSettings

if __name__ == "__main__":
    run("schedulers", SchedulerSettings, main)
