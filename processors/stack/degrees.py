"""Where is 48 degrees 51' 24" N, 2 degrees 21' 03" E?  Positions in degrees, minutes and seconds, as text.

    position    part [;/,] part
    part        direction? sign? degrees [minutes [seconds]] direction?

Marks of degrees, minutes and seconds may be missing, words may be English or French, O is the French west
(ouest). A comma between digits is a decimal mark, unless the whole text is two numbers with decimal points or
without decimals. Unless one separator says it, the second part begins at the second direction, sign or degree
mark; else the numbers are halved. Latitude comes first unless the directions say otherwise.

Source: reference, processors, section 2 (convert_degrees).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from processors.stack.geojson import shown

MAX_TEXT = 200
_PARTS = 2  # latitude and longitude

_PLAIN = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d+)?)\s*,\s*([+-]?\d{1,3}(?:\.\d+)?)\s*", re.ASCII)
_TOKEN = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?)"
    r"|(?P<sign>[+-])"
    r"|(?P<word>[A-Z]+)"
    r"|(?P<seconds>[\"\u201c\u201d\u2033]|['\u2018\u2019\u2032\u00b4`]{2})"
    r"|(?P<minutes>['\u2018\u2019\u2032\u00b4`])"
    r"|(?P<degrees>[\u00b0\u00ba^*])"
    r"|(?P<separator>[;/,])",
    re.ASCII,
)
_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-", "É": "E", "È": "E", "é": "E", "è": "E"})
_DIRECTIONS = {
    **dict.fromkeys(("N", "NORTH", "NORD"), "N"),
    **dict.fromkeys(("S", "SOUTH", "SUD"), "S"),
    **dict.fromkeys(("E", "EAST", "EST"), "E"),
    **dict.fromkeys(("W", "WEST", "O", "OUEST"), "W"),
}
_UNITS = {
    **dict.fromkeys(("DEG", "DEGREE", "DEGREES", "DEGRE", "DEGRES"), "degrees"),
    **dict.fromkeys(("MIN", "MINUTE", "MINUTES"), "minutes"),
    **dict.fromkeys(("SEC", "SECOND", "SECONDS", "SECONDE", "SECONDES"), "seconds"),
}
_SLOTS = ("degrees", "minutes", "seconds")


class _Token(NamedTuple):
    kind: str  # number, sign, direction, degrees, minutes, seconds or separator
    text: str


class _Part(NamedTuple):
    value: float
    direction: str  # N, S, E, W, or empty


def parse_degrees(text: str) -> tuple[float, float]:
    """Return (latitude, longitude). Raises ValueError with a sentence."""
    if plain := _PLAIN.fullmatch(text[:MAX_TEXT]):
        return _within(float(plain[1]), float(plain[2]))
    first, second = (_part(tokens) for tokens in _halves(_tokens(text)))
    is_turned = first.direction in ("E", "W") or second.direction in ("N", "S")
    lat, lon = (second, first) if is_turned else (first, second)
    if lat.direction in ("E", "W") or lon.direction in ("N", "S"):
        raise ValueError("both coordinates have a direction of the same axis")
    return _within(lat.value, lon.value)


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_TEXT:
        raise ValueError(f"{shown(text)} is too long for coordinates")
    upper = text.translate(_SIGNS).upper()
    tokens: list[_Token] = []
    at = 0
    while at < len(upper):
        found = _TOKEN.match(upper, at)
        if found is not None:
            tokens.append(_named(str(found.lastgroup), found[0]))
        elif not upper[at].isspace():
            raise ValueError(f"{shown(upper[at])} is not understood in coordinates")
        at = found.end() if found is not None else at + 1
    return tokens


def _named(kind: str, text: str) -> _Token:
    if kind != "word":
        return _Token(kind, text)
    if text in _DIRECTIONS:
        return _Token("direction", _DIRECTIONS[text])
    if text in _UNITS:
        return _Token(_UNITS[text], text)
    raise ValueError(f"{shown(text)} is not understood in coordinates")


def _halves(tokens: list[_Token]) -> tuple[list[_Token], list[_Token]]:
    at = _places(tokens, "separator")
    if len(at) == 1:
        return tokens[: at[0]], tokens[at[0] + 1 :]
    tokens = [token for token in tokens if token.kind != "separator"]
    split = _split(tokens)
    if split is None:
        raise ValueError("these are not two coordinates; write them with ';' in between")
    return tokens[:split], tokens[split:]


def _split(tokens: list[_Token]) -> int | None:
    """Return where the second coordinate begins when nothing separates it."""
    directions = _places(tokens, "direction")
    if len(directions) == _PARTS:
        return directions[1] if directions[0] == 0 else directions[0] + 1
    signs = [place for place in _places(tokens, "sign") if place > 0]
    if not directions and len(signs) == 1:
        return signs[0]
    numbers = _places(tokens, "number")
    degrees = _places(tokens, "degrees")
    if len(degrees) == _PARTS:
        return next((place for place in reversed(numbers) if place < degrees[1]), None)
    if numbers and len(numbers) % _PARTS == 0 and not directions and not signs:
        return numbers[len(numbers) // _PARTS]
    return None


def _places(tokens: Sequence[_Token], kind: str) -> list[int]:
    return [place for place, token in enumerate(tokens) if token.kind == kind]


def _part(tokens: list[_Token]) -> _Part:
    tokens, direction = _without_direction(tokens)
    sign = 1.0
    if tokens and tokens[0].kind == "sign":
        sign = -1.0 if tokens[0].text == "-" else 1.0
        tokens = tokens[1:]
    value = _magnitude(tokens)
    if sign < 0 and direction in ("N", "E"):
        raise ValueError(f"a minus sign and the direction {direction} contradict each other")
    return _Part(-value if sign < 0 or direction in ("S", "W") else value, direction)


def _without_direction(tokens: list[_Token]) -> tuple[list[_Token], str]:
    if tokens and tokens[0].kind == "direction":
        return tokens[1:], tokens[0].text
    if tokens and tokens[-1].kind == "direction":
        return tokens[:-1], tokens[-1].text
    return tokens, ""


def _magnitude(tokens: list[_Token]) -> float:
    """Return the degrees that numbers and their marks add up to."""
    values: dict[str, float] = {}
    slot = 0
    for place, token in enumerate(tokens):
        if token.kind == "number":
            mark = tokens[place + 1].kind if place + 1 < len(tokens) else "number"
            slot = _SLOTS.index(mark) if mark in _SLOTS else len(values)
            if slot >= len(_SLOTS) or slot < len(values) or (slot and not values):
                raise ValueError("a coordinate has degrees, then minutes, then seconds")
            values.update(dict.fromkeys(_SLOTS[len(values) : slot], 0.0))
            values[_SLOTS[slot]] = float(token.text.replace(",", "."))
        elif token.kind not in _SLOTS or place == 0 or tokens[place - 1].kind != "number":
            raise ValueError(f"{shown(token.text)} is out of place in a coordinate")
    if not values:
        raise ValueError("a coordinate has no degrees")
    return _summed(list(values.values()))


def _summed(values: list[float]) -> float:
    if any(value > 60 for value in values[1:]):  # noqa: PLR2004 - 60 itself comes from rounding
        raise ValueError("minutes and seconds go up to 60")
    if any(not value.is_integer() for value in values[:-1]):
        raise ValueError("only the last of degrees, minutes and seconds can have decimals")
    return sum(value / 60.0**power for power, value in enumerate(values))


def _within(lat: float, lon: float) -> tuple[float, float]:
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # noqa: PLR2004 - degrees
        raise ValueError(f"latitude {lat:g} or longitude {lon:g} is out of range")
    return lat, lon
