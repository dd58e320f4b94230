"""What can be set?  One loader from HEADWATER_* to frozen dataclasses, and the classes that services share.

A field `x_y` of a class with `env_prefix = "SINK"` is set by HEADWATER_SINK_X_Y. A field whose type is itself
such a class is loaded the same way under its own prefix. All bad variables are reported at once.
"""

import difflib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from headwater.domain.errors import SettingsError
from headwater.runtime.kafka.topics import Topics

PREFIX = "HEADWATER_"
REQUIRED: Final[Any] = MISSING  # the default of a setting that must be given

# A service is often started with the variables of all: these belong to somebody else, not to a typing error.
SCOPES = (
    *("GATEWAY_", "PROCESSOR_", "SINK_", "SCHEDULER_", "KAFKA_", "CLICKHOUSE_", "EMBEDDED_"),
    *("FILES_", "GEOCODING_", "OUTBOUND_", "SMTP_", "ADMIN_KEY", "SECRET_KEY"),
)

Settings = TypeVar("Settings")


class Secret(str):
    """Text that is never shown: its `repr`, and that of any settings object that holds it, is `***`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


NO_SECRET = Secret("")


class OutOfRange(ValueError):
    """A setting is outside its range; `field` is its name in the class."""

    def __init__(self, field_name: str, message: str) -> None:
        self.field = field_name
        super().__init__(message)


class Description(NamedTuple):
    """One line of docs/configuration.md."""

    variable: str
    type: str
    default: str
    help: str


def setting(
    default: Any,
    help: str,  # noqa: A002 - what it is
    *,
    low: float | None = None,
    high: float | None = None,
    variable: str | None = None,
) -> Any:
    """Return a dataclass field with its meaning, unit and range; REQUIRED as default: it must be given.

    `variable` names the environment variable when it is not made from the prefix and the field's name.
    """
    return field(default=default, metadata={"help": help, "low": low, "high": high, "variable": variable})


def load(cls: type[Settings], environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the environment; raises SettingsError with one sentence per bad variable."""
    problems: list[str] = []
    settings = _load(cls, os.environ if environ is None else environ, problems)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def unknown_variables(cls: type, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each HEADWATER_* variable that nobody reads: most likely a typing error."""
    environ = os.environ if environ is None else environ
    known = {one.variable for one in describe(cls)}
    scopes = tuple(PREFIX + scope for scope in SCOPES if not _reads(known, scope))
    return [
        f"{name} is not a setting and has no effect{_suggestion(name, known)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known and not name.startswith(scopes)
    ]


def describe(cls: type) -> Iterator[Description]:
    """Yield every variable that `load(cls)` reads, in the order of the class, nested classes in place."""
    hints = get_type_hints(cls)
    for one in _fields(cls):
        hint = hints[one.name]
        if is_dataclass(hint) and isinstance(hint, type):
            yield from describe(hint)
        else:
            default = "required" if one.default is MISSING else _shown(one.default, hint)
            yield Description(
                _variable(cls, one), _expected(hint) + _range_of(one), default, one.metadata.get("help", "")
            )


def check_range(settings: object, name: str, low: float | None, high: float | None) -> None:
    """Raise OutOfRange unless low <= the field's value <= high (None: no bound)."""
    value = getattr(settings, name)
    if _is_outside(value, low, high):
        one = next(one for one in _fields(type(settings)) if one.name == name)
        variable = _variable(type(settings), one)
        raise OutOfRange(name, f"{variable} is {value}; expected {_range(low, high).removeprefix(', ')}")


def check_ranges(settings: object) -> None:
    """Check every field against the range it was declared with; for `__post_init__`."""
    for one in _fields(type(settings)):
        check_range(settings, one.name, one.metadata.get("low"), one.metadata.get("high"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where Kafka is, and how topics are made."""

    env_prefix: ClassVar[str] = "KAFKA"

    bootstrap: str = setting("127.0.0.1:9092", "Kafka servers, host:port, comma-separated")
    topic_prefix: str = setting("headwater.", "start of every topic's name")
    partitions: int = setting(
        4, "partitions of the topics that carry records, when they are made", low=1, high=10_000
    )
    replication_factor: int = setting(1, "copies of every topic, when they are made", low=1, high=10)
    produce_timeout_s: float = setting(
        8.0, "seconds to wait for the acknowledgement of all in-sync brokers", low=0.1, high=120
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def topics(self) -> Topics:
        """The full names of all topics."""
        return Topics(prefix=self.topic_prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where ClickHouse is."""

    env_prefix: ClassVar[str] = "CLICKHOUSE"

    url: str = setting("http://127.0.0.1:8123", "ClickHouse's HTTP interface")
    user: str = setting("default", "ClickHouse user")
    password: Secret = setting(NO_SECRET, "ClickHouse password")
    database: str = setting("headwater", "database that holds all tables")
    query_timeout_s: float = setting(10.0, "seconds one statement may take", low=0.1, high=3600)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesSettings:
    """Where the bytes of pushed files are kept."""

    env_prefix: ClassVar[str] = "FILES"

    url: str = setting(
        "", "object store of pushed files, as fsspec writes it (file:///folder, s3://bucket); empty: none"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundSettings:
    """How things are fetched from the addresses that users give."""

    env_prefix: ClassVar[str] = "OUTBOUND"

    allowed_networks: tuple[str, ...] = setting(
        (), "networks (10.0.0.0/8, fd00::/8) that may be fetched from although they are not public"
    )
    max_redirects: int = setting(5, "redirects that are followed", low=0, high=20)
    connect_timeout_s: float = setting(5.0, "seconds to wait for one connection", low=0.1, high=60)
    user_agent: str = setting("Headwater", "what we call ourselves")

    def __post_init__(self) -> None:
        check_ranges(self)
        try:
            for network in self.allowed_networks:
                ip_network(network)
        except ValueError as error:
            raise OutOfRange(
                "allowed_networks", f"HEADWATER_OUTBOUND_ALLOWED_NETWORKS: {error}; expected 10.0.0.0/8"
            ) from error

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The allowed networks."""
        return tuple(map(ip_network, self.allowed_networks))


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Where mail is handed in."""

    env_prefix: ClassVar[str] = "SMTP"

    host: str = setting("", "mail server that takes our mail; empty: no mail is sent")
    port: int = setting(587, "its port", low=1, high=65_535)
    security: Literal["none", "starttls", "tls"] = setting("starttls", "encryption of the connection")
    user: str = setting("", "name to log in with; empty: no login")
    password: Secret = setting(NO_SECRET, "password to log in with")
    sender: str = setting("headwater@localhost", "address that mail comes from")
    timeout_s: float = setting(15.0, "seconds that handing in one mail may take", low=0.1, high=300)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """How a process lives: its management port, its logs, its name."""

    env_prefix: ClassVar[str] = ""

    metrics_host: str = setting("127.0.0.1", "address of /metrics, /healthz and /readyz")
    metrics_port: int = setting(
        8481, "port of /metrics, /healthz and /readyz; 0 takes any free one", low=0, high=65_535
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "least level that is logged")
    log_format: Literal["pretty", "json"] = setting("pretty", "pretty for people, json for machines")
    instance: str = setting("", "name of this process among those of its service; stable over restarts")
    parent_death: bool = setting(
        False,
        "stop when the parent process dies (Linux); set by the supervisor",
    )

    def __post_init__(self) -> None:
        check_ranges(self)


def _load(cls: type[Settings], environ: Mapping[str, str], problems: list[str]) -> Settings | None:
    """Return the settings, or None when a required one is missing; adds to `problems`."""
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    complete = True
    for one in _fields(cls):
        hint = hints[one.name]
        if is_dataclass(hint) and isinstance(hint, type):
            values[one.name] = _load(hint, environ, problems)
            complete = complete and values[one.name] is not None
            continue
        variable = _variable(cls, one)
        given = environ.get(variable)
        if given is None:
            if one.default is MISSING:
                complete = False
                problems.append(f"{variable} is not set; expected {one.metadata.get('help', 'a value')}")
            continue
        try:
            values[one.name] = _parse(given, hint, one.metadata)
        except ValueError:
            expected = _expected(hint) + _range_of(one)
            problems.append(f"{variable} is {_shown(given, hint) or 'empty'}; expected {expected}")
            complete = complete and one.default is not MISSING
    return _construct(cls, values, problems) if complete else None


def _construct(cls: type[Settings], values: dict[str, Any], problems: list[str]) -> Settings | None:
    """Return cls(**values); each value that `__post_init__` refuses is noted and replaced by the default."""
    while True:
        try:
            return cls(**values)
        except OutOfRange as error:
            problems.append(str(error))
            if values.pop(error.field, None) is None:
                return None
        except ValueError as error:
            problems.append(str(error))
            return None


def _fields(cls: type) -> tuple[Field[Any], ...]:
    return fields(cls)


def _variable(cls: type, one: Field[Any]) -> str:
    if one.metadata.get("variable"):
        return str(one.metadata["variable"])
    scope: str = getattr(cls, "env_prefix", "")
    return PREFIX + (f"{scope}_" if scope else "") + one.name.upper()


def _parse(given: str, hint: Any, limits: Mapping[str, Any]) -> Any:
    """Return the value of a variable; raises ValueError when it is none of the type or out of range."""
    if get_origin(hint) is Literal:
        if given not in get_args(hint):
            raise ValueError(given)
        return given
    value = _PARSERS[_kind(hint)](given)
    if _is_outside(value, limits.get("low"), limits.get("high")):
        raise ValueError(given)
    return value


def _parse_bool(given: str) -> bool:
    word = given.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError(given)


def _parse_float(given: str) -> float:
    number = float(given)
    if not math.isfinite(number):
        raise ValueError(given)
    return number


def _parse_texts(given: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in given.split(",") if part.strip())


_PARSERS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    Secret: Secret,
    int: int,
    float: _parse_float,
    bool: _parse_bool,
    Path: Path,
    tuple: _parse_texts,
}

_EXPECTED: Mapping[Any, str] = {
    str: "text",
    Secret: "secret text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    tuple: "texts separated by commas",
}


def _kind(hint: Any) -> Any:
    return get_origin(hint) or hint


def _expected(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(get_args(hint))
    return _EXPECTED[_kind(hint)]


def _is_outside(value: Any, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _range_of(one: Field[Any]) -> str:
    return _range(one.metadata.get("low"), one.metadata.get("high"))


def _range(low: float | None, high: float | None) -> str:
    """Return the range as part of a sentence, starting with a comma; empty when there is none."""
    if low is None and high is None:
        return ""
    if high is None:
        return f", at least {low:,}"
    return f", at most {high:,}" if low is None else f", {low:,} to {high:,}"


def _shown(value: Any, hint: Any) -> str:
    """Return a value as one would write it in the environment; never a secret's."""
    if _kind(hint) is Secret:
        return "***" if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _reads(known: set[str], scope: str) -> bool:
    return any(name.startswith(PREFIX + scope) for name in known)


def _suggestion(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
