"""What does a picture say about itself?  Its EXIF data as fields, of a fixed set, each of one type.

    exif_make, exif_model, exif_lens_make, exif_lens_model, exif_software, exif_artist, exif_copyright,
    exif_image_description                       texts
    exif_datetime, exif_datetime_original, exif_datetime_digitized
                                                 ISO datetimes, with the offset where the picture has it
    exif_orientation, exif_iso_speed, exif_flash, exif_white_balance, exif_metering_mode,
    exif_exposure_program, exif_focal_length_in_35mm_film, exif_pixel_width, exif_pixel_height
                                                 integers
    exif_exposure_time (s), exif_f_number, exif_exposure_bias (EV), exif_focal_length (mm),
    exif_altitude (m above the sea), exif_direction (degrees)
                                                 decimals
    exif_location                                geo point

A tag that a picture has not, or not as the standard says, gives no field.
"""

import math
import re
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError

from headwater.domain.points import GeoPoint
from processors.media import exif_of

MAX_TEXT = 1_000  # characters
_MOMENT = re.compile(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", re.ASCII)
_OFFSET = re.compile(r"[+-]\d\d:\d\d", re.ASCII)
_INT_MAX = 2**31 - 1

Tags = Mapping[int, Any]
Base = ExifTags.Base


def metadata_of(content: bytes, mimetype: str) -> dict[str, Any]:
    """Return the fields that a picture's EXIF data become; none for what is no picture."""
    if not mimetype.startswith("image/"):
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about many pixels, which are not unpacked, and about odd tags
            with Image.open(BytesIO(content)) as image:
                exif = exif_of(image)
                tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
                position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as _:
        return {}
    fields = {name: read(tags.get(tag)) for name, tag, read in _PLAIN}
    fields |= {name: _moment(tags.get(tag), tags.get(offset)) for name, tag, offset in _MOMENTS}
    fields |= _place(position)
    return {name: value for name, value in fields.items() if value is not None}


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    text = value.partition("\0")[0].strip()[:MAX_TEXT]
    return text.encode("utf-8", "replace").decode() or None


def _integer(value: Any) -> int | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    return value if isinstance(value, int) and 0 <= value <= _INT_MAX else None


def _decimal(value: Any) -> float | None:
    """Return a rational number; None for one without a denominator."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return round(number, 9) if math.isfinite(number) else None


def _moment(value: Any, offset: Any) -> str | None:
    text, zone = _text(value), _text(offset) or ""
    if text is None or not _MOMENT.fullmatch(text):
        return None
    iso = text[:10].replace(":", "-") + "T" + text[11:] + (zone if _OFFSET.fullmatch(zone) else "")
    try:
        datetime.fromisoformat(iso)
    except ValueError:
        return None
    return iso


def _place(position: Tags) -> dict[str, Any]:
    gps = ExifTags.GPS
    lat = _degrees(position.get(gps.GPSLatitude), position.get(gps.GPSLatitudeRef), "S")
    lon = _degrees(position.get(gps.GPSLongitude), position.get(gps.GPSLongitudeRef), "W")
    altitude = _decimal(position.get(gps.GPSAltitude))
    if altitude is not None and position.get(gps.GPSAltitudeRef) in (b"\1", 1):  # below the sea
        altitude = -altitude
    return {
        "exif_location": _point(lat, lon),
        "exif_altitude": altitude,
        "exif_direction": _decimal(position.get(gps.GPSImgDirection)),
    }


def _degrees(value: Any, reference: Any, negative: str) -> float | None:
    if not isinstance(value, tuple) or len(value) != 3:  # noqa: PLR2004 - degrees, minutes, seconds
        return None
    parts = [_decimal(part) for part in value]
    if any(part is None for part in parts):
        return None
    degrees = sum(part / 60.0**power for power, part in enumerate(parts) if part is not None)
    return round(-degrees if _text(reference) == negative else degrees, 7)


def _point(lat: float | None, lon: float | None) -> GeoPoint | None:
    if lat is None or lon is None:
        return None
    try:
        return GeoPoint.at(lat, lon)
    except ValueError:
        return None


_PLAIN: tuple[tuple[str, int, Callable[[Any], Any]], ...] = (
    ("exif_make", Base.Make, _text),
    ("exif_model", Base.Model, _text),
    ("exif_lens_make", Base.LensMake, _text),
    ("exif_lens_model", Base.LensModel, _text),
    ("exif_software", Base.Software, _text),
    ("exif_artist", Base.Artist, _text),
    ("exif_copyright", Base.Copyright, _text),
    ("exif_image_description", Base.ImageDescription, _text),
    ("exif_orientation", Base.Orientation, _integer),
    ("exif_iso_speed", Base.ISOSpeedRatings, _integer),
    ("exif_flash", Base.Flash, _integer),
    ("exif_white_balance", Base.WhiteBalance, _integer),
    ("exif_metering_mode", Base.MeteringMode, _integer),
    ("exif_exposure_program", Base.ExposureProgram, _integer),
    ("exif_focal_length_in_35mm_film", Base.FocalLengthIn35mmFilm, _integer),
    ("exif_pixel_width", Base.ExifImageWidth, _integer),
    ("exif_pixel_height", Base.ExifImageHeight, _integer),
    ("exif_exposure_time", Base.ExposureTime, _decimal),
    ("exif_f_number", Base.FNumber, _decimal),
    ("exif_exposure_bias", Base.ExposureBiasValue, _decimal),
    ("exif_focal_length", Base.FocalLength, _decimal),
)
_MOMENTS = (
    ("exif_datetime", Base.DateTime, Base.OffsetTime),
    ("exif_datetime_original", Base.DateTimeOriginal, Base.OffsetTimeOriginal),
    ("exif_datetime_digitized", Base.DateTimeDigitized, Base.OffsetTimeDigitized),
)
EXIF_FIELDS = (
    *(name for name, _, _ in _PLAIN),
    *(name for name, _, _ in _MOMENTS),
    *("exif_location", "exif_altitude", "exif_direction"),
)
