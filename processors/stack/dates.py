"""What is done to dates?  The processors of category date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from headwater.domain.errors import InvalidDocument
from processors.stack.date_formats import MAX_SHOWN, date_reader
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import mapped, text_of

MAX_TEXT = 100  # characters; no datetime is so long


@registered("normalize_date", Category.DATE, "Normalize date")
@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizeDate(Processor):
    """Reads a date or a datetime that is written in a given format, and writes it as ISO 8601.

    The result is a date when the format has no time of day. Names of months and days are English, in any
    case.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    date_format: str = parameter(
        "Date format",
        help="Such as %d/%m/%Y; of %a %A %w %d %b %B %m %y %Y %H %I %p %M %S %f %j %U %W.",
    )

    def __post_init__(self) -> None:
        try:
            date_reader(self.date_format)
        except ValueError as error:
            raise InvalidDocument("date_format", str(error)) from error

    def outputs(self) -> tuple[str, ...]:
        return (self.field,)

    def compiled(self) -> Apply:
        read = date_reader(self.date_format)
        return mapped(self.field, self.field, lambda value: read(text_of(value)))


@registered("set_timezone", Category.DATE, "Set timezone")
@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimezone(Processor):
    """Declares the time zone of a datetime, instead of none or a wrong one; date and time of day stay.

    A time that exists twice, at the end of summer time, is the first one; a time that does not exist, at its
    beginning, moves forward by the gap.
    """

    field: str = parameter("Field", kind=ParameterKind.FIELD)
    timezone: str = parameter("Timezone", help="A name of the IANA data base, such as Europe/Zurich.")

    def __post_init__(self) -> None:
        if self.timezone not in _known_zones():
            raise InvalidDocument(
                "timezone", f"{self.timezone[:MAX_SHOWN]!r} is no time zone of the IANA data base"
            )

    def outputs(self) -> tuple[str, ...]:
        return (self.field,)

    def compiled(self) -> Apply:
        return mapped(self.field, self.field, _in_zone(ZoneInfo(self.timezone)))


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "Factory"}  # what the machine says, and nothing


def _in_zone(zone: ZoneInfo) -> Callable[[Any], str]:
    def declared(value: Any) -> str:
        text = text_of(value).strip()[:MAX_TEXT]
        try:
            local = datetime.fromisoformat(text[:10].replace("/", "-") + text[10:])
            # Through UTC, because only there a time that does not exist becomes one that does.
            return local.replace(tzinfo=zone, fold=0).astimezone(UTC).astimezone(zone).isoformat()
        except (ValueError, OverflowError) as error:
            shown = repr(text[:MAX_SHOWN])
            raise ValueError(f"{shown} is not a datetime (write YYYY-MM-DDThh:mm:ss)") from error

    return declared
