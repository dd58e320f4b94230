"""What does a picture say about itself?"""

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from headwater.domain.points import GeoPoint
from processors.downloads.exif import EXIF_FIELDS, metadata_of
from processors.media import NotThatType, described_file

Base, GPS = ExifTags.Base, ExifTags.GPS


def picture(tags=None, inner=None, gps=None, kind="JPEG"):
    exif = Image.Exif()
    for tag, value in (tags or {}).items():
        exif[tag] = value
    for ifd, values in ((ExifTags.IFD.Exif, inner), (ExifTags.IFD.GPSInfo, gps)):
        if values:
            exif.get_ifd(ifd).update(values)
            exif[ifd] = exif.get_ifd(ifd)
    made = BytesIO()
    Image.new("RGB", (4, 3), "red").save(made, kind, exif=exif)
    return made.getvalue()


CAMERA = picture(
    {Base.Make: "Canon ", Base.Model: "EOS\0junk", Base.Orientation: 6, Base.DateTime: "2013:01:02 03:04:05"},
    {
        Base.DateTimeOriginal: "2013:01:02 03:04:04",
        Base.OffsetTimeOriginal: "+02:00",
        Base.ExposureTime: IFDRational(1, 250),
        Base.FNumber: 2.8,
        Base.ISOSpeedRatings: 400,
        Base.FocalLength: 50.0,
    },
    {
        GPS.GPSLatitudeRef: "S",
        GPS.GPSLatitude: (47.0, 30.0, 36.0),
        GPS.GPSLongitudeRef: "E",
        GPS.GPSLongitude: (7.0, 36.0, 0.0),
        GPS.GPSAltitude: 260.5,
        GPS.GPSAltitudeRef: b"\1",
    },
)


def test_a_camera_says_what_it_is_and_where():
    """Texts without padding, ISO datetimes, numbers, a point; only what the picture has."""
    found = metadata_of(CAMERA, "image/jpeg")

    assert found == {
        "exif_make": "Canon",
        "exif_model": "EOS",
        "exif_orientation": 6,
        "exif_datetime": "2013-01-02T03:04:05",
        "exif_datetime_original": "2013-01-02T03:04:04+02:00",
        "exif_exposure_time": 0.004,
        "exif_f_number": 2.8,
        "exif_iso_speed": 400,
        "exif_focal_length": 50.0,
        "exif_location": {"lat": -47.51, "lon": 7.6},
        "exif_altitude": -260.5,
    }
    assert isinstance(found["exif_location"], GeoPoint)
    assert set(found) <= set(EXIF_FIELDS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_format_that_has_exif_data_is_read(kind):
    """Wherever the format keeps them."""
    found = metadata_of(picture({Base.Make: "Canon"}, kind=kind), f"image/{kind.lower()}")

    assert found["exif_make"] == "Canon"


@pytest.mark.parametrize(
    ("tags", "inner", "gps"),
    [
        ({Base.DateTime: "0000:00:00 00:00:00"}, None, None),
        ({Base.DateTime: "yesterday"}, None, None),
        ({Base.Make: "  "}, None, None),
        (None, {Base.FNumber: IFDRational(1, 0)}, None),
        (None, None, {GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (91.0, 0.0, 0.0)}),
        (
            None,
            None,
            {GPS.GPSLatitude: (91.0, 0.0, 0.0), GPS.GPSLongitude: (1.0, 0.0, 0.0)},
        ),
        (None, None, {GPS.GPSLatitude: (1.0, 2.0), GPS.GPSLongitude: (1.0, 0.0, 0.0)}),
    ],
)
def test_what_is_not_as_the_standard_says_gives_no_field(tags, inner, gps):
    """A camera whose clock was never set says year 0."""
    assert metadata_of(picture(tags, inner, gps), "image/jpeg") == {}


@pytest.mark.parametrize(
    ("content", "mimetype"),
    [
        (b"hello", "text/plain"),
        (b"hello", "image/jpeg"),
        (picture(), "application/pdf"),
        (picture(), "image/jpeg"),
    ],
)
def test_what_has_no_exif_data_gives_no_fields(content, mimetype):
    """Broken, not a picture, or a picture without."""
    assert metadata_of(content, mimetype) == {}


@settings(max_examples=200)
@given(st.data())
def test_damaged_pictures_are_answered(data):
    """Bytes overwritten anywhere: fields or none, never an exception, and always JSON of the set."""
    content = bytearray(CAMERA if data.draw(st.booleans()) else picture({Base.Make: "x" * 60}, kind="TIFF"))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    found = metadata_of(bytes(content), "image/jpeg")

    assert set(found) <= set(EXIF_FIELDS)
    assert all(isinstance(value, (str, int, float, GeoPoint)) for value in found.values())


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def huge_png(width, height):
    """A PNG whose head promises many pixels and whose pixels are missing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_pixels_are_never_unpacked():
    """This one has none: unpacking would fail, and of a real one it would take 500 MB."""
    described = described_file(huge_png(13_000, 13_000), "image/png", None)

    assert (described["width"], described["height"]) == (13_000, 13_000)
    assert metadata_of(huge_png(13_000, 13_000), "image/png") == {}


def test_a_picture_with_absurdly_many_pixels_is_refused():
    """A bomb for whoever opens it."""
    with pytest.raises(NotThatType):
        described_file(huge_png(100_000, 100_000), "image/png", None)
