"""Starts the sinks: `python -m sinks`."""

from headwater.runtime.process import run
from sinks.app import main
from sinks.settings import SinkSettings

if __name__ == "__main__":
    run("sinks", SinkSettings, main)
