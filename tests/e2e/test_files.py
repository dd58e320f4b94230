"""Images and files in records, through the whole stack: the seed's own form, the bytes back unchanged."""

from base64 import b64encode
from io import BytesIO

from PIL import Image

WAIT = {"wait": "true", "timeout": "15"}


def picture(size=(640, 480)):
    """Return a JPEG."""
    made = BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(made, "JPEG")
    return made.getvalue()


def pushed(content, mimetype, **more):
    """Return a file as it is pushed."""
    return {"content": b64encode(content).decode(), "content_type": mimetype, **more}


async def fetched(api, url, **headers):
    """Return the answer to a request for a file, and its bytes."""
    async with api.session.get(url, headers=headers) as response:
        return response, await response.read()


async def shown(api, dataset):
    """Return the records by name."""
    return {one["name"]: one for one in await api.records(dataset)}


async def test_bytes_come_back_unchanged_and_safe(api, unique):
    """A picture is described, served as it was, in small, and by its ETag; a script is only ever saved."""
    dataset = await api.open_dataset(unique, key=("name",))
    photo, script = picture(), b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    records = [
        {"name": "gate", "photo": pushed(photo, "image/jpg", filename="gate 3.jpg")},
        {"name": "copy", "photo": pushed(photo, "image/jpeg")},
        {"name": "script", "photo": pushed(script, "image/svg+xml")},
    ]
    answer = await api.push(dataset, records, params=WAIT)
    assert answer.status == 200, answer

    found = await shown(api, dataset)

    gate = found["gate"]["photo"]
    assert (gate["width"], gate["height"], gate["format"]) == (640, 480, "jpg")
    assert gate["filename"] == "gate 3.jpg"
    assert found["copy"]["photo"]["id"] == gate["id"]
    response, content = await fetched(api, gate["url"])
    assert content == photo
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    again, _ = await fetched(api, gate["url"], **{"If-None-Match": response.headers["ETag"]})
    assert again.status == 304
    _, small = await fetched(api, f"{gate['url']}300/")
    with Image.open(BytesIO(small)) as thumbnail:
        assert thumbnail.size == (300, 225)
    evil, content = await fetched(api, found["script"]["photo"]["url"])
    assert content == script
    assert evil.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in evil.headers["Content-Security-Policy"]


async def test_a_picture_that_is_none_is_a_field_error(api, unique):
    """Policy null: the record is stored without its picture, which was no picture."""
    dataset = await api.open_dataset(unique, key=("name",), bootstrap={"name": "a", "photo": None})
    uid = dataset.uid
    await api.make(f"/datasets/{uid}/fields/", {"type": "type", "field": "photo", "type_param": "file"})

    answer = await api.push(
        dataset, {"name": "gate", "photo": pushed(b"no picture", "image/png")}, params=WAIT
    )
    assert answer.status == 200, answer

    assert (await shown(api, dataset))["gate"]["photo"] is None


async def test_a_record_with_a_file_can_be_deleted_by_its_values(api, unique):
    """Without key fields the content counts for the id: the same bytes find the record."""
    dataset = await api.open_dataset(unique)
    record = {"name": "gate", "photo": pushed(picture((20, 20)), "image/jpeg")}
    assert (await api.push(dataset, record, params=WAIT)).status == 200

    assert await api.total_count(dataset) == 1
    assert (await api.push(dataset, record, tail="delete/", params=WAIT)).status == 200
    assert await api.total_count(dataset) == 0
