"""What happened?  One stream of structured lines on stderr, ours and that of every library.

stdout stays free for what a command was asked to print.
"""

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, Processor

from headwater.runtime.settings import Secret

# These tell of every rebalance and reconnection at info; at debug everything may be heard. Services of Faust
# log under the name of the module that subclasses them.
CHATTY = (
    "faust",
    "mode",
    "aiokafka",
    "asyncio",
    "aiohttp.access",
    "urllib3",
    "geopy",
    "headwater.runtime.kafka.transport",
)


def configure(level: str = "info", fmt: str = "pretty") -> None:
    """Send structlog and stdlib logging to stderr; may be repeated.

    `level` is debug, info, warning or error; `fmt` is pretty (coloured on a terminal) or json.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(fmt)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    logging.captureWarnings(capture=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(threshold if level == "debug" else max(threshold, logging.WARNING))


def hide_secrets(_: Any, __: str, line: EventDict) -> EventDict:
    """Replace every secret value of a line by its `repr`."""
    return {name: repr(value) if isinstance(value, Secret) else value for name, value in line.items()}


def _renderers(fmt: str) -> list[Processor]:
    if fmt == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json(line: Any, **_: Any) -> str:
    # Passed through to `repr`, which hides what is secret.
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(line, default=repr, option=options).decode()
