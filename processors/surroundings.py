"""What does the check of a stack know of the world?  Other datasets, and which providers can be asked."""

from collections.abc import Callable, Mapping

from headwater.domain.fields import configure
from headwater.domain.types import FieldType
from headwater.runtime.catalog import Catalog
from headwater.runtime.schemas import Schemas


class KnownWorld:
    """The surroundings of a process: its view of the catalog, and its plug-ins."""

    def __init__(self, catalog: Catalog, schemas: Schemas, missing_plugin: Callable[[str], str]) -> None:
        self._catalog = catalog
        self._schemas = schemas
        self._missing_plugin = missing_plugin

    def remote_fields(self, dataset_id: str) -> Mapping[str, FieldType] | None:
        dataset = self._catalog.find(dataset_id)
        if dataset is None or dataset.private:
            return None
        configuration = configure(dataset, self._schemas.get(dataset.uid))
        return {one.name: one.type for one in configuration.fields}

    def missing_plugin(self, provider: str) -> str:
        return self._missing_plugin(provider)
