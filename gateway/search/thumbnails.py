"""How does an image look in small?  Made in a thread, of images of bounded size, upright."""

import asyncio
import warnings
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

THUMBNAIL_TYPE = "image/webp"
MAX_PIXELS = 50_000_000  # of the original: its unpacked pixels must fit into memory
AT_ONCE = 2  # thumbnails that are made at the same time
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")

_slots = asyncio.Semaphore(AT_ONCE)


async def make_thumbnail(content: bytes, size: int) -> bytes | None:
    """Return a WebP image whose longer side has at most `size` pixels; None when it is no such image."""
    async with _slots:
        return await asyncio.to_thread(_thumbnail, content, size)


def _thumbnail(content: bytes, size: int) -> bytes | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                image.draft("RGB", (size, size))
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail((size, size))
                made = BytesIO()
                upright.convert("RGBA" if upright.has_transparency_data else "RGB").save(made, "WEBP")
                return made.getvalue()
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
    ):
        return None
