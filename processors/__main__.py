"""Starts the processors: `python -m processors`."""

from headwater.runtime.process import run
from processors.app import main
from processors.settings import ProcessorSettings

if __name__ == "__main__":
    run("processors", ProcessorSettings, main)
