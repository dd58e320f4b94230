"""The public internet's in-memory twin."""

from collections.abc import Mapping

from yarl import URL

from headwater.domain.errors import HeadwaterError
from headwater.runtime.outbound import ContentTooLarge, Fetched, NotFetched


class MemoryOutbound:
    """Addresses and what they lead to: something fetched, or the error that is raised."""

    def __init__(self, pages: Mapping[str, Fetched | HeadwaterError]) -> None:
        self.pages = dict(pages)
        self.asked: list[str] = []

    async def fetch(self, url: str, *, max_bytes: int, timeout_s: float) -> Fetched:  # noqa: ARG002 - time stands still
        self.asked.append(url)
        found = self.pages.get(url, NotFetched(f"{url} answered 404"))
        if isinstance(found, HeadwaterError):
            raise found
        if len(found.content) > max_bytes:
            raise ContentTooLarge(URL(url), max_bytes)
        return found
