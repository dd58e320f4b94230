"""What is in the tables that all datasets share?  Archive, quarantine, versions, answers, on dictionaries."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping

import orjson

from headwater.domain.tables import (
    ARCHIVE,
    DATASET_VERSIONS,
    GEOCODING_CACHE,
    QUARANTINE,
    RECEIVED_AT,
    VERSION,
)
from headwater.domain.versions import Numbering
from headwater.runtime.memory.tables import Contents, Row
from headwater.runtime.store import ArchivedMessage, CachedAnswer, QuarantinedRecord, RefusalQuery


class SharedTables:
    """Reads and deletes in the shared ones of these tables; one that does not exist is empty."""

    def __init__(self, tables: Mapping[str, Contents]) -> None:
        self._tables = tables

    def archived(
        self, dataset: str, after: tuple[int, int, int] | None, limit: int, max_bytes: int
    ) -> list[ArchivedMessage]:
        """Return one page as the port says."""
        messages = sorted(map(_message, self._rows(ARCHIVE.name, dataset)), key=lambda one: one.place)
        page: list[ArchivedMessage] = []
        for one in messages:
            if after is not None and one.place <= after:
                continue
            max_bytes -= len(one.body)
            if len(page) == limit or (page and max_bytes < 0):
                break
            page.append(one)
        return page

    def count_archived(self, dataset: str) -> int:
        return sum(row["count"] for row in self._rows(ARCHIVE.name, dataset))

    def delete_archived(self, dataset: str, resource: str, before_version: int) -> None:
        self._keep(
            ARCHIVE.name,
            lambda row: (
                (row["dataset"], row["resource"]) != (dataset, resource) or row[VERSION] >= before_version
            ),
        )

    def refusals(self, query: RefusalQuery) -> list[QuarantinedRecord]:
        """Return all pages at once."""
        found = [_refusal(row) for row in self._rows(QUARANTINE.name, query.dataset)]
        wanted = [one for one in found if _matches(one, query)]
        return sorted(wanted, key=lambda one: (-one.version, one.position))

    def count_refusals(self, dataset: str) -> dict[str, int]:
        return dict(Counter(row["code"] for row in self._rows(QUARANTINE.name, dataset)))

    def dataset_versions(self, dataset: str) -> list[Row]:
        """Return all saved configurations, the newest first."""
        rows = self._rows(DATASET_VERSIONS.name, dataset)
        return sorted(rows, key=lambda row: -row["revision"])

    def cached_answers(self, provider: str, keys: Collection[str], now_us: int) -> list[CachedAnswer]:
        contents = self._tables.get(GEOCODING_CACHE.name)
        rows = (contents.rows.get((provider, key)) for key in keys) if contents else ()
        return [_cached_answer(row) for row in rows if row and row["expires_at"] > now_us]

    def forget(self, dataset: str) -> None:
        for table in (ARCHIVE.name, QUARANTINE.name, DATASET_VERSIONS.name):
            self._keep(table, lambda row: row["dataset"] != dataset)

    def _rows(self, table: str, dataset: str) -> list[Row]:
        contents = self._tables.get(table)
        return [row for row in contents.current() if row["dataset"] == dataset] if contents else []

    def _keep(self, table: str, wanted: Callable[[Row], bool]) -> None:
        if contents := self._tables.get(table):
            contents.rows = {key: row for key, row in contents.rows.items() if wanted(row)}


def _message(row: Row) -> ArchivedMessage:
    return ArchivedMessage(
        resource=row["resource"],
        op=row["op"],
        version=row[VERSION],
        count=row["count"],
        received_at_us=row[RECEIVED_AT],
        partition=row["partition"],
        offset=row["offset"],
        body=row["body"].encode(errors="surrogateescape"),
        numbering=Numbering(row["numbering"]),
    )


def _refusal(row: Row) -> QuarantinedRecord:
    return QuarantinedRecord(
        dataset=row["dataset"],
        version=row[VERSION],
        position=row["position"],
        resource=row["resource"],
        op=row["op"],
        received_at=row[RECEIVED_AT],
        record=row["record"],
        errors=orjson.loads(row["errors"] or b"[]"),
        code=row["code"],
        step=row["step"],
    )


def _cached_answer(row: Row) -> CachedAnswer:
    return CachedAnswer(
        key=row["key"],
        answer=row["answer"],
        answered_at_us=row["answered_at"],
        expires_at_us=row["expires_at"],
    )


def _matches(one: QuarantinedRecord, query: RefusalQuery) -> bool:
    at_us = one.received_at_us
    return (
        query.code in ("", one.code)
        and query.resource in ("", one.resource)
        and (not query.field or any(error.get("field") == query.field for error in one.errors))
        and (query.since_us is None or at_us >= query.since_us)
        and (query.until_us is None or at_us < query.until_us)
        and (not query.keys or (one.version, one.position) in query.keys)
    )
