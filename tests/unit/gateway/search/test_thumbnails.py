"""How does an image look in small?"""

from io import BytesIO

from PIL import Image

from gateway.search.thumbnails import MAX_PIXELS, make_thumbnail


def picture(size, kind="JPEG", **options):
    """Return an image's bytes."""
    made = BytesIO()
    Image.new("RGB", size, "red").save(made, kind, **options)
    return made.getvalue()


async def test_longer_side_is_bounded():
    """The shape is kept; a small image is not blown up."""
    with Image.open(BytesIO(await make_thumbnail(picture((900, 450)), 300))) as image:
        assert (image.format, image.size) == ("WEBP", (300, 150))
    with Image.open(BytesIO(await make_thumbnail(picture((30, 20)), 300))) as image:
        assert image.size == (30, 20)


async def test_thumbnails_stand_upright():
    """What a phone held sideways is turned."""
    exif = Image.Exif()
    exif[0x0112] = 6

    with Image.open(BytesIO(await make_thumbnail(picture((400, 200), exif=exif), 300))) as image:
        assert image.size == (150, 300)


async def test_no_image_and_too_many_pixels_have_none():
    """Text, a cut file, and a small file that would unpack to more than fits into memory."""
    bomb = picture((MAX_PIXELS // 1000 + 1, 1001), "PNG")

    assert await make_thumbnail(b"<svg/>", 300) is None
    assert await make_thumbnail(picture((30, 20))[:50], 300) is None
    assert await make_thumbnail(bomb, 300) is None
