"""Which datasets may this reader read?  The open ones; restricted ones with a key that may."""

from aiohttp import web

from gateway.access import caller_of
from headwater.domain.apikeys import ApiKey, KeyScope
from headwater.domain.datasets import Dataset
from headwater.domain.errors import Forbidden, Unauthorized


def reader_of(request: web.Request) -> ApiKey | None:
    """Return the reader's key, None for an anonymous one. Raises Unauthorized when the key is wrong."""
    try:
        return caller_of(request)
    except Unauthorized as error:
        raise unauthorized() from error


def check_reader(reader: ApiKey | None, dataset: Dataset) -> None:
    """Raise Unauthorized for an anonymous reader of a restricted dataset, Forbidden for one who may not."""
    if may_read(reader, dataset):
        return
    if reader is None:
        raise unauthorized()
    raise Forbidden("You don't have permission to access the requested resource", code="ForbiddenAccess")


def may_read(reader: ApiKey | None, dataset: Dataset) -> bool:
    """Tell whether a reader may read a dataset that readers may know of."""
    return not dataset.restricted or (reader is not None and reader.may(KeyScope.READ, dataset.uid))


def unauthorized() -> Unauthorized:
    """Return the error that Explore documents for a missing or wrong key."""
    return Unauthorized(
        "Authentication is required to access the requested resource", code="UnauthorizedAccess"
    )
