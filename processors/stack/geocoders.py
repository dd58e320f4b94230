"""Where is this address?  The processors that ask an outside geocoder.

They only say what is asked and what becomes of the answer; processors/geocoding does the asking. A place that
the provider does not know leaves the output empty, and a provider that is away lets the record wait.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from headwater.domain.errors import InvalidDocument
from headwater.domain.points import GeoPoint
from headwater.domain.types import number_text, read_geo_point
from processors.stack.geocoding_answers import (
    ANY,
    Answer,
    Away,
    Found,
    FoundWords,
    NotFound,
    Question,
    Refused,
    answer_from_json,
    folded,
    question_of,
)
from processors.stack.outcomes import Failed, Outcome, Record, Waiting
from processors.stack.processor import (
    Category,
    ParameterKind,
    Processor,
    Surroundings,
    parameter,
    registered,
)
from processors.stack.steps import is_empty

ARCGIS, BAN, CENSUS = "arcgis", "ban", "census"
NOMINATIM, PDOK, WHAT3WORDS = "nominatim", "pdok", "what3words"

# A provider numbers its squares of three metres; a tenth of a metre tells them apart.
COORDINATE_DIGITS = 6
WORD_STOPS = re.compile("[.｡。･・︒።։။۔।]")  # how scripts write the stop between the words of an address  # noqa: RUF001
WORDS = 3

# As what3words names them; the default is the documented one.
_LANGUAGES = """
    Afrikaans af, Amharic am, Arabic ar, Bahasa Indonesia id, Bahasa Malaysia ms, Bengali bn,
    Bulgarian bg, Catalan ca, Chinese zh, Croatian hr, Czech cs, Danish da, Dutch nl, English en,
    Estonian et, Finnish fi, French fr, German de, Greek el, Gujarati gu, Hebrew he, Hindi hi,
    Hungarian hu, Italian it, Japanese ja, Kannada kn, Kazakh kk, Khmer km, Korean ko, Lao lo,
    Malayalam ml, Marathi mr, Mongolian mn, Nepali ne, Norwegian no, Odia or, Persian fa, Polish pl,
    Portuguese pt, Punjabi pa, Romanian ro, Russian ru, Serbian sr, Sinhala si, Slovak sk, Slovene sl,
    Spanish es, Swahili sw, Swedish sv, Tamil ta, Telugu te, Thai th, Turkish tr, Ukrainian uk, Urdu ur,
    Vietnamese vi, Welsh cy, isiXhosa xh, isiZulu zu
"""
LANGUAGES: Mapping[str, str] = {
    name.strip(): code for name, _, code in (one.strip().rpartition(" ") for one in _LANGUAGES.split(","))
}

Parts = Sequence[tuple[str, str]]
# The parts of a record's question; none when there is nothing to ask. Raises ValueError with a sentence.
Read = Callable[[Record], Parts]


class GeocodingStep:
    """Asks a provider for each record, and writes the answer into the output field.

    `field` is the one to blame when a record cannot be asked for.
    """

    service = "geocoding"

    def __init__(self, provider: str, read: Read, *, field: str, output: str) -> None:
        self.provider = provider
        self.field = field
        self.output = output
        self._read = read

    def ask(self, records: list[Record]) -> Sequence[Question | None]:
        """Return None for a record whose address is empty, and for one that `tell` will fail."""
        return [self._question(record) for record in records]

    def tell(
        self, records: list[Record], _: list[int], answers: Sequence[Answer | None]
    ) -> Sequence[Outcome]:
        """Return the outcome of each record; its input is read again only where nothing was asked."""
        return [self._outcome(record, answer) for record, answer in zip(records, answers, strict=True)]

    @staticmethod
    def answer_from_json(document: object) -> Answer:
        """Return an answer as `tell` takes it, for who has it as JSON."""
        return answer_from_json(document)

    def _question(self, record: Record) -> Question | None:
        try:
            parts = self._read(record)
        except ValueError:
            return None
        return question_of(self.provider, parts) if parts else None

    def _outcome(self, record: Record, answer: Answer | None) -> Outcome:
        match answer:
            case Found(lat, lon):
                record[self.output] = GeoPoint.at(lat, lon)
            case FoundWords(text):
                record[self.output] = text
            case NotFound():
                record[self.output] = None
            case Away(provider, message):
                return Waiting(record, provider, message)
            case Refused(message):
                return Failed(record, self.field, message)
            case None:
                return self._unasked(record)
        return record

    def _unasked(self, record: Record) -> Outcome:
        try:
            self._read(record)
        except ValueError as error:
            return Failed(record, self.field, str(error))
        record[self.output] = None
        return record


@registered("geocode_with_arcgis", Category.GEOGRAPHICAL, "Geocode with ArcGIS")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodeWithArcGis(Processor):
    """Finds the position of an address anywhere in the world, with the ArcGIS geocoder."""

    address: str = parameter("Address", kind=ParameterKind.FIELD)
    postal_code: str = parameter("Postal code", kind=ParameterKind.FIELD, default="")
    city: str = parameter("City", kind=ParameterKind.FIELD, default="")
    state: str = parameter("State", kind=ParameterKind.FIELD, default="")
    country: str = parameter("Country", kind=ParameterKind.FIELD, default="")
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> GeocodingStep:
        return _address_step(ARCGIS, self, _WORLDWIDE)

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(ARCGIS, surroundings)


@registered("geocode_with_ban", Category.GEOGRAPHICAL, "Geocode with BAN, France")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodeWithBan(Processor):
    """Finds the position of a French address in the national address base (BAN)."""

    address: str = parameter("Address", kind=ParameterKind.FIELD)
    postal_code: str = parameter("Postal code", kind=ParameterKind.FIELD, default="")
    insee_code: str = parameter("INSEE code", kind=ParameterKind.FIELD, default="")
    city: str = parameter("City", kind=ParameterKind.FIELD, default="")
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> GeocodingStep:
        return _address_step(BAN, self, ("address", "postal_code", "insee_code", "city"), codes=_FIVE_DIGITS)

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(BAN, surroundings)


@registered("geocode_with_census_bureau", Category.GEOGRAPHICAL, "Geocode with Census Bureau, USA")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodeWithCensusBureau(Processor):
    """Finds the position of an address in the USA with the geocoder of the Census Bureau."""

    street_address: str = parameter("Street address", kind=ParameterKind.FIELD)
    city: str = parameter("City", kind=ParameterKind.FIELD, default="")
    state: str = parameter("State", kind=ParameterKind.FIELD, default="")
    zip: str = parameter("ZIP", kind=ParameterKind.FIELD, default="")
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> GeocodingStep:
        return _address_step(CENSUS, self, ("street_address", "city", "state", "zip"), codes=_FIVE_DIGITS)

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(CENSUS, surroundings)


@registered("geocode_with_pdok", Category.GEOGRAPHICAL, "Geocode with PDOK, NL")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodeWithPdok(Processor):
    """Finds the position of a Dutch address with the national geocoder of PDOK."""

    address: str = parameter("Address", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> GeocodingStep:
        return _address_step(PDOK, self, ("address",))

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(PDOK, surroundings)


@registered("nominatim_geocoder", Category.GEOGRAPHICAL, "Nominatim geocoder")
@dataclass(frozen=True, slots=True, kw_only=True)
class NominatimGeocoder(Processor):
    """Finds the position of an address anywhere in the world in the data of OpenStreetMap."""

    address: str = parameter("Address", kind=ParameterKind.FIELD)
    postal_code: str = parameter("Postal code", kind=ParameterKind.FIELD)
    city: str = parameter("City", kind=ParameterKind.FIELD, default="")
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> GeocodingStep:
        return _address_step(NOMINATIM, self, ("address", "postal_code", "city"))

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(NOMINATIM, surroundings)


@registered("geocode_with_google", Category.GEOGRAPHICAL, "Geocode with the configured geocoder", legacy=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class GeocodeWithAny(Processor):
    """Finds the position of an address with whichever geocoder the operator configured.

    It takes the place of a processor that the original has no more.
    """

    address: str = parameter("Address", kind=ParameterKind.FIELD)
    postal_code: str = parameter("Postal code", kind=ParameterKind.FIELD, default="")
    city: str = parameter("City", kind=ParameterKind.FIELD, default="")
    state: str = parameter("State", kind=ParameterKind.FIELD, default="")
    country: str = parameter("Country", kind=ParameterKind.FIELD, default="")
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT)

    def compiled(self) -> GeocodingStep:
        return _address_step(ANY, self, _WORLDWIDE)

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(ANY, surroundings)


@registered(
    "get_coordinates_from_3_word_address",
    Category.GEOGRAPHICAL,
    "Get coordinates from a 3 word address",
)
@dataclass(frozen=True, slots=True, kw_only=True)
class GetCoordinatesFromThreeWordAddress(Processor):
    """Finds the position that three words of what3words name; in place without an output field."""

    three_word_address: str = parameter("3 word address", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT, default="")

    def compiled(self) -> GeocodingStep:
        field = self.three_word_address
        return GeocodingStep(
            WHAT3WORDS,
            lambda record: _words(_text(record.get(field))),
            field=field,
            output=self.output_field or field,
        )

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(WHAT3WORDS, surroundings)


@registered("what3words", Category.GEOGRAPHICAL, "what3words")
@dataclass(frozen=True, slots=True, kw_only=True)
class What3Words(Processor):
    """Finds the three words that what3words gives to a position; in place without an output field."""

    language: str = parameter(
        "Language", kind=ParameterKind.CHOICE, choices=tuple(LANGUAGES), default="English"
    )
    coordinates: str = parameter("Coordinates", kind=ParameterKind.FIELD)
    output_field: str = parameter("Output field", kind=ParameterKind.OUTPUT, default="")

    def compiled(self) -> GeocodingStep:
        field, language = self.coordinates, LANGUAGES[self.language]
        return GeocodingStep(
            WHAT3WORDS,
            lambda record: _position(record.get(field), language),
            field=field,
            output=self.output_field or field,
        )

    def check(self, surroundings: Surroundings) -> None:
        _check_plugin(WHAT3WORDS, surroundings)


_WORLDWIDE = ("address", "postal_code", "city", "state", "country")
_FIVE_DIGITS = frozenset({"postal_code", "insee_code", "zip"})
_DIGITS = 5


def _address_step(
    provider: str, processor: Processor, names: Sequence[str], *, codes: frozenset[str] = frozenset()
) -> GeocodingStep:
    """Return the step that asks for the fields that these parameters name; without the first, for nothing.

    `codes` are the parts that have five digits: as a number such a code has lost its leading zeros.
    """
    (main, field), *further = ((name, getattr(processor, name)) for name in names if getattr(processor, name))

    def read(record: Record) -> Parts:
        address = _text(record.get(field))
        if not address:
            return ()
        others = ((name, _text(record.get(other)), name in codes) for name, other in further)
        return (
            (main, address),
            *(
                (name, text.zfill(_DIGITS) if code and text.isascii() and text.isdigit() else text)
                for name, text, code in others
            ),
        )

    return GeocodingStep(provider, read, field=field, output=processor.output_field)  # type: ignore[attr-defined]


def _text(value: object) -> str:
    """Return a value as a part of a question. Raises ValueError when it is no text and no number."""
    match value:
        case bool():
            raise ValueError("an address is a text, this is a truth value")
        case str():
            return folded(value)
        case int():
            return folded(str(value))
        case float():
            return folded(number_text(value))
    if is_empty(value):
        return ""
    raise ValueError("an address is a text, this is none")


def _words(text: str) -> Parts:
    if not text:
        return ()
    words = [word.strip() for word in WORD_STOPS.split(text.lstrip("/"))]
    if len(words) != WORDS or not all(word[:1].isalpha() for word in words):
        raise ValueError("a 3 word address is three words with a dot between them, as in filled.count.soap")
    return (("words", ".".join(words)),)


def _position(value: object, language: str) -> Parts:
    if is_empty(value):
        return ()
    try:
        point = read_geo_point(
            orjson.loads(value) if isinstance(value, str) and "{" in value else value
        ).stored
    except OverflowError as error:
        raise ValueError("the coordinates are out of range") from error
    lat, lon = (
        round(point[name], COORDINATE_DIGITS) + 0.0 for name in ("lat", "lon")
    )  # no minus before zero
    return (
        ("coordinates", f"{lat:.{COORDINATE_DIGITS}f},{lon:.{COORDINATE_DIGITS}f}"),
        ("language", language),
    )


def _check_plugin(provider: str, surroundings: Surroundings) -> None:
    if missing := surroundings.missing_plugin(provider):
        raise InvalidDocument("type", missing)
