"""Who can be asked?  Each provider as a function from question to answer, and whose fault a failure is.

A provider that is down, slow, over its limits, or refuses our key is away, and asking again later helps. Only
a question that it calls bad is refused.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import orjson
from geopy.adapters import AdapterHTTPError
from geopy.exc import (
    GeocoderAuthenticationFailure,
    GeocoderInsufficientPrivileges,
    GeocoderQueryError,
    GeocoderQuotaExceeded,
    GeocoderTimedOut,
    GeocoderUnavailable,
    GeopyError,
)

from headwater import __version__
from processors.geocoding.geocoders import Adapter, ArcGis, Ban, Census, Pdok, What3Words, nominatim
from processors.geocoding.settings import GeocodingSettings, missing_plugin
from processors.stack.geocoders import ARCGIS, BAN, CENSUS, NOMINATIM, PDOK, WHAT3WORDS
from processors.stack.geocoding_answers import Found, FoundWords, Lasting, NotFound, Question, Refused

MAX_MESSAGE = 200  # characters of what a provider said
LEAST_REST_S, LONGEST_REST_S = 1.0, 3600.0


class ProviderAway(Exception):
    """A provider did not answer the question, and may later; `rest_s` is the time that it named itself."""

    def __init__(self, message: str, *, rest_s: float | None = None) -> None:
        self.rest_s = rest_s
        super().__init__(message)


class Provider(Protocol):
    """One geocoder. Safe to call from several tasks at once."""

    async def answer(self, question: Question) -> Lasting | Refused:
        """Return what it says; asks once, within its time-out. Raises ProviderAway."""
        ...


Ask = Callable[[Question], Awaitable[Any]]  # -> geopy's Location or None


class GeopyProvider:
    """A provider behind a geocoder of geopy's shape. `accepts` tells whether a place is good enough."""

    def __init__(self, ask: Ask, accepts: Callable[[Any], bool] = lambda _: True) -> None:
        self._ask = ask
        self._accepts = accepts

    async def answer(self, question: Question) -> Lasting | Refused:
        try:
            place = await self._ask(question)
            return _read(question, place) if place is not None and self._accepts(place) else NotFound()
        except GeocoderQueryError as error:
            return Refused(f"the geocoder refuses the address: {_said(error)}")
        except GeopyError as error:
            raise _away(error) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise ProviderAway("it answers what cannot be read") from error


def open_providers(settings: GeocodingSettings, adapter: Adapter) -> dict[str, Provider]:
    """Return the providers that can be asked, by name; nothing is opened yet."""
    user_agent = f"Headwater/{__version__}" + (f" ({settings.contact})" if settings.contact else "")

    def options(provider: str) -> dict[str, Any]:
        return {
            "timeout": settings.answer_time_s(provider),
            "user_agent": user_agent,
            "adapter_factory": lambda **_: adapter,
            "proxies": {},
        }

    makers: Mapping[str, Callable[..., Provider]] = {
        ARCGIS: _arcgis,
        BAN: _ban,
        CENSUS: _census,
        NOMINATIM: _nominatim,
        PDOK: _pdok,
        WHAT3WORDS: _what3words,
    }
    return {
        name: make(settings, options(name))
        for name, make in makers.items()
        if not missing_plugin(settings, name)
    }


def _arcgis(settings: GeocodingSettings, options: dict[str, Any]) -> Provider:
    own = settings.arcgis
    geocoder = ArcGis(own.url, own.token_url, own.client_id, str(own.client_secret), **options)
    return GeopyProvider(
        lambda question: geocoder.geocode(question.line("address", "postal_code", "city", "state", "country"))
    )


def _ban(settings: GeocodingSettings, options: dict[str, Any]) -> Provider:
    geocoder, least = Ban(settings.ban.url, **options), settings.ban.min_score
    return GeopyProvider(
        lambda question: geocoder.geocode(
            question.line("address", "city"),
            postcode=question.part("postal_code"),
            citycode=question.part("insee_code").upper(),  # Corsica's departments are 2A and 2B
        ),
        lambda place: place.raw["properties"].get("score", 1) >= least,
    )


def _census(settings: GeocodingSettings, options: dict[str, Any]) -> Provider:
    geocoder = Census(settings.census.url, settings.census.benchmark, **options)
    return GeopyProvider(
        lambda question: geocoder.geocode(
            {
                "street": question.part("street_address") or question.part("address"),
                "city": question.part("city"),
                "state": question.part("state"),
                "zip": question.part("zip") or question.part("postal_code"),
            }
        )
    )


def _nominatim(settings: GeocodingSettings, options: dict[str, Any]) -> Provider:
    geocoder = nominatim(settings.nominatim.url, **options)
    return GeopyProvider(
        lambda question: geocoder.geocode(question.line("address", "postal_code", "city", "state", "country"))
    )


def _pdok(settings: GeocodingSettings, options: dict[str, Any]) -> Provider:
    geocoder = Pdok(settings.pdok.url, **options)
    return GeopyProvider(lambda question: geocoder.geocode(question.line("address", "postal_code", "city")))


def _what3words(settings: GeocodingSettings, options: dict[str, Any]) -> Provider:
    geocoder = What3Words(settings.what3words.url, str(settings.what3words.key), **options)

    def ask(question: Question) -> Awaitable[Any]:
        if coordinates := question.part("coordinates"):
            return geocoder.reverse(coordinates, lang=question.part("language"))
        return geocoder.geocode(question.part("words"))

    return GeopyProvider(ask)


def _read(question: Question, place: Any) -> Lasting:
    """Return a place as an answer: its words where the position was given. Raises ValueError."""
    if not question.part("coordinates"):
        return Found(float(place.latitude), float(place.longitude))
    if not isinstance(place.address, str) or not place.address:
        raise ValueError("there are no words in the answer")
    return FoundWords(place.address)


def _away(error: GeopyError) -> ProviderAway:
    match error:
        case GeocoderQuotaExceeded():
            asked_s = getattr(error, "retry_after", None)
            rest_s = None if asked_s is None else min(max(float(asked_s), LEAST_REST_S), LONGEST_REST_S)
            return ProviderAway("it is asked too much", rest_s=rest_s)
        case GeocoderAuthenticationFailure() | GeocoderInsufficientPrivileges():
            return ProviderAway("it refuses our key")
        case GeocoderTimedOut():
            return ProviderAway("it did not answer in time")
        case GeocoderUnavailable():
            return ProviderAway("it cannot be reached")
    status = getattr(error.__cause__, "status_code", None)
    return ProviderAway(f"it answers with status {status}" if status else "it answers what cannot be read")


def _said(error: GeocoderQueryError) -> str:
    """Return what a provider says is wrong with a question, for people."""
    cause = error.__cause__
    if not isinstance(cause, AdapterHTTPError):
        return str(error)[:MAX_MESSAGE]
    try:
        told = orjson.loads(cause.text)
    except ValueError:
        return str(error)
    while isinstance(told, (dict, list)):
        if isinstance(told, list):
            told = told[0] if told else ""
        else:
            names = ("message", "detail", "description", "error", "errors")
            told = next((told[name] for name in names if told.get(name)), "")
    return str(told or error)[:MAX_MESSAGE]
