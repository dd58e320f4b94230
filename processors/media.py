"""What is in these bytes?  A pushed file, checked against the type that it is said to have, and described.

Only the head of an image is read, so its size in pixels costs nothing here.
Source: reference, push, section 13.
"""

import mimetypes
import re
import warnings
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from hashlib import sha1
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from headwater.domain.files import BrokenFile, StoredFile

MAX_FILENAME_LENGTH = 200
EXIF_ORIENTATION = 0x0112

# How people write the types of images, and Pillow's names of the formats that they may be.
_IMAGE_FORMATS: Mapping[str, str] = {
    "image/jpg": "JPEG",
    "image/jpeg": "JPEG",
    "image/pjpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
    "image/bmp": "BMP",
    "image/x-ms-bmp": "BMP",
    "image/x-icon": "ICO",
    "image/vnd.microsoft.icon": "ICO",
}
_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_UNSAFE_IN_NAMES = re.compile(r"[\x00-\x1f\x7f/\\]+")


class NotThatType(ValueError):
    """The bytes are not of the type that was declared."""


def stored_file(value: Mapping[str, Any]) -> tuple[StoredFile | BrokenFile, bytes]:
    """Return the description of a pushed file and its bytes; no bytes when it is broken."""
    declared = str(value.get("content-type") or value.get("content_type")).partition(";")[0].strip().lower()
    try:
        content = b64decode(value["content"], validate=True)
        return described_file(content, declared, value.get("filename")), content
    except NotBase64:
        return BrokenFile(dict(value), "the content is not base64"), b""
    except NotThatType as error:
        return BrokenFile(dict(value), str(error)), b""


def described_file(content: bytes, declared: str, filename: Any) -> StoredFile:
    """Return the description of bytes that are said to be of a type. Raises NotThatType."""
    if not _MIME.fullmatch(declared):
        raise NotThatType(f"{declared[:60]!r} is not a type such as image/jpeg")
    image = _image(content, declared)
    mimetype = image.pop("mimetype", declared)
    file_id = sha1(content, usedforsecurity=False).hexdigest()
    extension = _extension(mimetype)
    return StoredFile(
        id=file_id,
        filename=_safe_name(filename) or f"{file_id}{extension}",
        format=extension.removeprefix(".") or mimetype.rpartition("/")[2],
        mimetype=mimetype,
        size=len(content),
        **image,
    )


def _image(content: bytes, declared: str) -> dict[str, Any]:
    """Return what an image's head says; nothing for other types. Raises NotThatType."""
    expected = _IMAGE_FORMATS.get(declared)
    if expected is None:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about many pixels: they are not unpacked here
            with Image.open(BytesIO(content), formats=tuple(set(_IMAGE_FORMATS.values()))) as image:
                found, size = image.format, image.size
                orientation = exif_of(image).get(EXIF_ORIENTATION)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise NotThatType(
            f"the content is said to be {declared}, and is no image that can be read"
        ) from error
    if found != expected:
        raise NotThatType(f"the content is said to be {declared}, and is {found}")
    described = {"width": size[0], "height": size[1], "mimetype": Image.MIME[expected]}
    return {**described, "exif_orientation": orientation} if isinstance(orientation, int) else described


def exif_of(image: Image.Image) -> Image.Exif:
    """Return the EXIF data that are in an image's head.

    Not by the image's own method: that of a PNG without EXIF data looks for them behind the pixels and
    unpacks these, which can be hundreds of megabytes.
    """
    return Image.Image.getexif(image)


def _extension(mimetype: str) -> str:
    return (
        {"image/jpeg": ".jpg", "image/tiff": ".tiff"}.get(mimetype)
        or mimetypes.guess_extension(mimetype)
        or ""
    )


def _safe_name(filename: Any) -> str:
    """Return a pushed name without what has a meaning in paths and headers; empty when nothing is left."""
    if not isinstance(filename, str):
        return ""
    plain = _UNSAFE_IN_NAMES.sub("_", filename).strip(" .")[-MAX_FILENAME_LENGTH:]
    return plain.encode("utf-8", "replace").decode()
