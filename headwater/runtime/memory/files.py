"""The object store's in-memory twin."""

from collections.abc import Mapping
from typing import Any

from headwater.runtime.files import FilesUnavailable, KeptFile


class MemoryFiles:
    """Files in memory. `available = False` plays an object store that is away."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], KeptFile] = {}
        self.variants: dict[tuple[str, str, str], bytes] = {}
        self.available = True

    async def put(self, dataset: str, file_id: str, content: bytes, description: Mapping[str, Any]) -> None:
        self._check_available()
        self.kept.setdefault((dataset, file_id), KeptFile(content, dict(description)))

    async def get(self, dataset: str, file_id: str) -> KeptFile | None:
        self._check_available()
        return self.kept.get((dataset, file_id))

    async def put_variant(self, dataset: str, file_id: str, variant: str, content: bytes) -> None:
        self._check_available()
        self.variants[dataset, file_id, variant] = content

    async def get_variant(self, dataset: str, file_id: str, variant: str) -> bytes | None:
        self._check_available()
        return self.variants.get((dataset, file_id, variant))

    async def drop(self, dataset: str) -> None:
        self._check_available()
        self.kept = {key: file for key, file in self.kept.items() if key[0] != dataset}
        self.variants = {key: made for key, made in self.variants.items() if key[0] != dataset}

    def _check_available(self) -> None:
        if not self.available:
            raise FilesUnavailable("the object store in memory was told to be away")
