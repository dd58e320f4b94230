"""Which requests remove records?  By values, as they were pushed, or by record id."""

import re

from aiohttp import web

from gateway.intake import PATH, take_in, take_in_one
from gateway.parsing import Records
from headwater.domain.errors import InvalidRecordId
from headwater.runtime.kafka.topics import Op

RECORD_ID = re.compile(r"[0-9a-f]{40}")
NOT_PUSH = r"(?!push/)[^/]+"  # `push/delete` is no record's path


def add_routes(app: web.Application) -> None:
    """Mount the door; the slash at the end is optional.

    DELETE on the path of a push, and the path `push/delete`, are other names for deleting by values.
    """
    router = app.router
    for end in ("", "/"):
        router.add_delete(f"{PATH}/push{end}", delete_by_values)
        for path in (f"{PATH}/delete{end}", f"{PATH}/push/delete{end}"):
            router.add_post(path, delete_by_values)
            router.add_delete(path, delete_by_values)
        path = f"{PATH}/{{record_id:{NOT_PUSH}}}/delete{end}"
        router.add_get(path, delete_by_id, allow_head=False)
        router.add_post(path, delete_by_id)
        router.add_delete(path, delete_by_id)


async def delete_by_values(request: web.Request) -> web.Response:
    """Remove the records that these values make; their key fields are enough where there are some."""
    return await take_in(request, Op.DELETE)


async def delete_by_id(request: web.Request) -> web.Response:
    """Remove one record by its id; one that does not exist is removed already."""
    return await take_in_one(request, Op.DELETE_BY_ID, lambda: _named(request.match_info["record_id"]))


def _named(given: str) -> Records:
    """Return the deletion that a path names. Raises InvalidRecordId."""
    record_id = given.lower()
    if not RECORD_ID.fullmatch(record_id):
        raise InvalidRecordId(given)
    return Records(1, b'{"_id":"%s"}' % record_id.encode())
