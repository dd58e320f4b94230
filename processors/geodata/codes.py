"""Which area has this code?  One code system over the areas of one kind."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from processors.geodata.areas import Area, Areas, Shape

MAX_CODE = 200  # characters; no code or name is longer


@dataclass(frozen=True, slots=True)
class Codes:
    """A code system: `spelt` brings what people write into the spelling of `by_code`."""

    areas: Areas
    by_code: Mapping[str, Area]
    spelt: Callable[[str], str]

    def try_shape(self, code: str) -> Shape | None:
        """Return the shape of the area with this code; None when there is none."""
        area = self.by_code.get(self.spelt(code)) if len(code) <= MAX_CODE else None
        return None if area is None else self.areas.shape(area)


def letters(code: str) -> str:
    """Codes of letters and digits are written in any case."""
    return code.strip().upper()


def digits(length: int) -> Callable[[str], str]:
    """Codes of digits lose their leading zeros where somebody took them for numbers."""

    def spelt(code: str) -> str:
        return code.strip().upper().zfill(length)

    return spelt


def plain(name: str) -> str:
    """Names are compared without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in decomposed if character.isalnum())
