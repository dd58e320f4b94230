"""Logs: one stream on stderr for us and for libraries, and no secret in it."""

import json
import logging

import pytest
import structlog

from headwater.runtime.logging import configure
from headwater.runtime.settings import KafkaSettings, Secret


@pytest.fixture(autouse=True)
def _restore():
    """Put the process's logging back as it was."""
    root, structured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**structured)


def lines(capsys):
    """Return what was logged; stdout must stay free."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_json_lines_of_ours_and_of_libraries_look_alike(capsys):
    """One parser reads them all."""
    configure("info", "json")
    structlog.get_logger("ours").info("started", port=8480)
    logging.getLogger("theirs").warning("slow %s", "disk")

    ours, theirs = map(json.loads, lines(capsys))
    assert (ours["event"], ours["level"], ours["port"]) == ("started", "info", 8480)
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("slow disk", "warning", "theirs")
    assert ours.keys() - {"port"} <= theirs.keys()


@pytest.mark.parametrize("fmt", ["pretty", "json"])
def test_a_secret_is_not_logged(capsys, fmt):
    """Neither as a value nor inside something else."""
    configure("info", fmt)
    structlog.get_logger().info("connecting", key=Secret("sesame"), all=[Secret("sesame")])

    (line,) = lines(capsys)
    assert "sesame" not in line
    assert "***" in line


def test_settings_can_be_logged_in_either_format(capsys):
    """A line must never fail because of what is in it."""
    configure("info", "json")
    structlog.get_logger().info("settings", kafka=KafkaSettings(), error=ValueError("x"))

    assert "127.0.0.1:9092" in lines(capsys)[0]


@pytest.mark.parametrize(("level", "heard"), [("info", 0), ("debug", 1)])
def test_chatty_libraries_are_heard_only_at_debug(capsys, level, heard):
    """Faust tells of every rebalance at info."""
    configure(level, "json")
    logging.getLogger("faust.transport").info("rebalanced")

    assert len(lines(capsys)) == heard


def test_a_crash_carries_its_traceback(capsys):
    """The last line of a dead process must say where."""
    configure("info", "json")
    try:
        int("broken on purpose")
    except ValueError:
        structlog.get_logger().exception("crashed")

    assert "ValueError: invalid literal" in json.loads(lines(capsys)[0])["exception"]


def test_less_than_the_level_is_not_logged(capsys):
    """Also when configured a second time."""
    configure("debug", "json")
    configure("warning", "json")
    structlog.get_logger().info("hello")

    assert lines(capsys) == []
