"""What can be set for geocoders, and what is missing before one can be asked?

The public services of France, the Netherlands and the USA need neither key nor consent and are on. Nominatim
is off until somebody names a server: the public one is for people who look something up, not for the address
lists of machines, and whoever sets it all the same is held to its rules. ArcGIS and what3words need a key.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from headwater.runtime.settings import NO_SECRET, OutOfRange, Secret, check_ranges, setting
from processors.stack.geocoders import ARCGIS, BAN, CENSUS, NOMINATIM, PDOK, WHAT3WORDS
from processors.stack.geocoding_answers import ANY

PUBLIC_NOMINATIM = "nominatim.openstreetmap.org"
PUBLIC_NOMINATIM_RATE = 1.0  # requests per second, of all who use one application together

_RATE_HELP = "requests per second, of each process"
_TIMEOUT_HELP = "seconds to wait for one answer"
_AT_ONCE_HELP = "requests that may be under way at the same time"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcGisSettings:
    """The ArcGIS geocoding service. Answers are asked for storage, which needs an account."""

    env_prefix: ClassVar[str] = "GEOCODING_ARCGIS"

    url: str = setting(
        "https://geocode.arcgis.com/arcgis/rest/services/World/GeocodeServer", "address of the ArcGIS locator"
    )
    token_url: str = setting(
        "https://www.arcgis.com/sharing/rest/oauth2/token", "where its client id and secret buy a token"
    )
    client_id: str = setting("", "client id of an ArcGIS account; empty: ArcGIS is not offered")
    client_secret: Secret = setting(NO_SECRET, "its client secret")
    rate_per_s: float = setting(10.0, _RATE_HELP, low=0.01, high=1000)
    timeout_s: float = setting(5.0, _TIMEOUT_HELP, low=0.1, high=60)
    at_once: int = setting(4, _AT_ONCE_HELP, low=1, high=64)

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_urls(self, "url", "token_url")


@dataclass(frozen=True, slots=True, kw_only=True)
class BanSettings:
    """The geocoder of the French address base, which IGN runs; it allows 50 requests per second."""

    env_prefix: ClassVar[str] = "GEOCODING_BAN"

    url: str = setting(
        "https://data.geopf.fr/geocodage", "address of the French geocoder (BAN); empty: it is not offered"
    )
    min_score: float = setting(
        0.4,
        "least likeness, of 0 to 1, of the place that BAN finds; below, it counts as not found",
        low=0,
        high=1,
    )
    rate_per_s: float = setting(20.0, _RATE_HELP, low=0.01, high=1000)
    timeout_s: float = setting(5.0, _TIMEOUT_HELP, low=0.1, high=60)
    at_once: int = setting(4, _AT_ONCE_HELP, low=1, high=64)

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_urls(self, "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class CensusSettings:
    """The geocoder of the Census Bureau of the USA."""

    env_prefix: ClassVar[str] = "GEOCODING_CENSUS"

    url: str = setting(
        "https://geocoding.geo.census.gov/geocoder",
        "address of the Census Bureau's geocoder; empty: it is not offered",
    )
    benchmark: str = setting("Public_AR_Current", "which state of its address ranges is asked")
    rate_per_s: float = setting(5.0, _RATE_HELP, low=0.01, high=1000)
    timeout_s: float = setting(10.0, _TIMEOUT_HELP, low=0.1, high=60)
    at_once: int = setting(4, _AT_ONCE_HELP, low=1, high=64)

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_urls(self, "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class NominatimSettings:
    """A Nominatim server."""

    env_prefix: ClassVar[str] = "GEOCODING_NOMINATIM"

    url: str = setting(
        "",
        "address of your Nominatim server; empty: it is not offered. The public one forbids bulk geocoding",
    )
    rate_per_s: float = setting(1.0, _RATE_HELP, low=0.01, high=1000)
    timeout_s: float = setting(5.0, _TIMEOUT_HELP, low=0.1, high=60)
    at_once: int = setting(1, _AT_ONCE_HELP, low=1, high=64)

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_urls(self, "url")
        if self.is_public and (self.rate_per_s > PUBLIC_NOMINATIM_RATE or self.at_once > 1):
            name = "rate_per_s" if self.rate_per_s > PUBLIC_NOMINATIM_RATE else "at_once"
            raise OutOfRange(
                name,
                f"HEADWATER_GEOCODING_NOMINATIM_{name.upper()} is {getattr(self, name):g}; "
                f"expected 1 at most for {PUBLIC_NOMINATIM}, whose rules say so",
            )

    @property
    def is_public(self) -> bool:
        """Whether this is the server of the OpenStreetMap Foundation."""
        return urlsplit(self.url).hostname == PUBLIC_NOMINATIM


@dataclass(frozen=True, slots=True, kw_only=True)
class PdokSettings:
    """The Dutch geocoder (Locatieserver)."""

    env_prefix: ClassVar[str] = "GEOCODING_PDOK"

    url: str = setting(
        "https://api.pdok.nl/bzk/locatieserver/search/v3_1",
        "address of the Dutch geocoder (PDOK Locatieserver); empty: it is not offered",
    )
    rate_per_s: float = setting(10.0, _RATE_HELP, low=0.01, high=1000)
    timeout_s: float = setting(5.0, _TIMEOUT_HELP, low=0.1, high=60)
    at_once: int = setting(4, _AT_ONCE_HELP, low=1, high=64)

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_urls(self, "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class What3WordsSettings:
    """what3words, in both directions."""

    env_prefix: ClassVar[str] = "GEOCODING_WHAT3WORDS"

    url: str = setting("https://api.what3words.com/v3", "address of what3words")
    key: Secret = setting(NO_SECRET, "key of a what3words account; empty: what3words is not offered")
    rate_per_s: float = setting(5.0, _RATE_HELP, low=0.01, high=1000)
    timeout_s: float = setting(5.0, _TIMEOUT_HELP, low=0.1, high=60)
    at_once: int = setting(4, _AT_ONCE_HELP, low=1, high=64)

    def __post_init__(self) -> None:
        check_ranges(self)
        _check_urls(self, "url")


ProviderSettings = (
    ArcGisSettings | BanSettings | CensusSettings | NominatimSettings | PdokSettings | What3WordsSettings
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodingSettings:
    """How geocoders are asked, HEADWATER_GEOCODING_*."""

    env_prefix: ClassVar[str] = "GEOCODING"

    arcgis: ArcGisSettings = field(default_factory=ArcGisSettings)
    ban: BanSettings = field(default_factory=BanSettings)
    census: CensusSettings = field(default_factory=CensusSettings)
    nominatim: NominatimSettings = field(default_factory=NominatimSettings)
    pdok: PdokSettings = field(default_factory=PdokSettings)
    what3words: What3WordsSettings = field(default_factory=What3WordsSettings)

    default: Literal["auto", "arcgis", "ban", "census", "nominatim", "pdok"] = setting(
        "auto", "who answers for geocode_with_google; auto: ArcGIS or else Nominatim, if it can be asked"
    )
    contact: str = setting(
        "", "mail address or page by which a geocoder's operator can reach you; sent with every request"
    )
    call_max_s: float = setting(
        20.0,
        "seconds that one batch of records may wait for geocoders; the rest is tried again",
        low=0.1,
        high=300,
    )
    failures_to_rest: int = setting(
        5, "failures in a row after which a geocoder is left alone", low=1, high=1000
    )
    rest_s: float = setting(
        30.0, "seconds for which it is left alone, if it does not name a time itself", low=1, high=3600
    )
    remembered: int = setting(50_000, "answers that each process keeps in memory", low=1, high=10_000_000)
    found_days: float = setting(180.0, "days for which a place that was found is kept", low=0.01, high=3650)
    not_found_days: float = setting(
        7.0, "days for which it is kept that an address was not found", low=0.01, high=3650
    )
    cache_timeout_s: float = setting(
        2.0, "seconds to wait for the answers kept in ClickHouse before asking without them", low=0.1, high=30
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.nominatim.is_public and not self.contact:
            raise OutOfRange(
                "contact",
                "HEADWATER_GEOCODING_CONTACT is empty; expected a mail address or page, as "
                f"{PUBLIC_NOMINATIM} wants to know whom it serves",
            )

    def answer_time_s(self, provider: str) -> float:
        """Return how long one request may take: a call has time for two at least."""
        return min(self.of(provider).timeout_s, self.call_max_s / 2)

    def of(self, provider: str) -> ProviderSettings:
        """Return the settings of one provider."""
        settings: ProviderSettings = getattr(self, provider)
        return settings


def missing_plugin(settings: GeocodingSettings, provider: str) -> str:
    """Return what is missing before a provider can be asked, as a sentence; empty when nothing is.

    A provider that is none of ours lacks nothing of ours.
    """
    if provider == ANY:
        chosen = chosen_provider(settings)
        return (
            missing_plugin(settings, chosen) if chosen else _sentence("a geocoder for all countries", _WORLD)
        )
    return _sentence(_LABELS[provider], _absent(settings, provider)) if provider in _LABELS else ""


def chosen_provider(settings: GeocodingSettings) -> str:
    """Return who answers a question that any geocoder may answer; empty when nobody does."""
    if settings.default != "auto":
        return settings.default
    return next((one for one in (ARCGIS, NOMINATIM) if not _absent(settings, one)), "")


_LABELS = {
    ARCGIS: "ArcGIS",
    BAN: "the French geocoder (BAN)",
    CENSUS: "the geocoder of the Census Bureau",
    NOMINATIM: "Nominatim",
    PDOK: "the Dutch geocoder (PDOK)",
    WHAT3WORDS: "what3words",
}
_WORLD = ["ARCGIS_CLIENT_ID and its secret, or HEADWATER_GEOCODING_NOMINATIM_URL"]


def _absent(settings: GeocodingSettings, provider: str) -> list[str]:
    """Return the variables that are not set, without what all begin with."""
    match settings.of(provider):
        case ArcGisSettings() as arcgis:
            given = {"URL": arcgis.url, "TOKEN_URL": arcgis.token_url}
            given |= {"CLIENT_ID": arcgis.client_id, "CLIENT_SECRET": arcgis.client_secret}
        case What3WordsSettings() as words:
            given = {"URL": words.url, "KEY": words.key}
        case other:
            given = {"URL": other.url}
    return [f"{provider.upper()}_{name}" for name, value in given.items() if not value]


def _sentence(label: str, absent: list[str]) -> str:
    if not absent:
        return ""
    variables = " and ".join(f"HEADWATER_GEOCODING_{name}" for name in absent)
    return f"{label} cannot be asked here: the operator has to set {variables}"


def _check_urls(settings: ProviderSettings, *names: str) -> None:
    for name in names:
        url = getattr(settings, name)
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
            variable = f"HEADWATER_{settings.env_prefix}_{name.upper()}"
            raise OutOfRange(
                name, f"{variable} is {url}; expected an address such as https://example.org/geocoder"
            )
