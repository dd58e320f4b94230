"""What is a point that a processor made?  A type of its own, so that its field becomes a geo point by itself.

An object that somebody pushes can look the same, and stays what it is until its owner declares the field.
"""

from typing import Any


class GeoPoint(dict[str, Any]):
    """A position: members `lat` and `lon`, degrees of WGS 84, both floats within their ranges."""

    __slots__ = ()

    @classmethod
    def at(cls, lat: float, lon: float) -> "GeoPoint":
        """Return the point. Raises ValueError when it is not on Earth."""
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # noqa: PLR2004 - degrees
            raise ValueError(f"latitude {lat:g} or longitude {lon:g} is out of range")
        return cls(lat=lat + 0.0, lon=lon + 0.0)  # floats, and no zero with a sign

    def __str__(self) -> str:
        return f"{self['lat']!r},{self['lon']!r}"
