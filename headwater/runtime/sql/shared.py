"""What do we ask the tables that all datasets share?  Archive, quarantine, versions, answers.

Texts are bound by name, in hexadecimal: {dataset:String} except for answers, others where a function says.
"""

from collections.abc import Iterable

from headwater.domain.tables import (
    ARCHIVE,
    DATASET_VERSIONS,
    GEOCODING_CACHE,
    QUARANTINE,
    RECEIVED_AT,
    VERSION,
)
from headwater.runtime.sql.reads import OUTPUT_SETTINGS, read_settings
from headwater.runtime.sql.statements import quoted, table_name
from headwater.runtime.store import RefusalQuery

Place = tuple[int, int, int]  # version, partition, offset

ARCHIVED_COLUMNS = (
    *("resource", "op", VERSION, "count", RECEIVED_AT),
    *("partition", "offset", "numbering", "body"),
)
SHARED_TABLES = (ARCHIVE.name, QUARANTINE.name, DATASET_VERSIONS.name)

_VERSION = quoted(VERSION)
_PLACE = f"{_VERSION}, `partition`, `offset`"
_DATASET = "`dataset` = unhex({dataset:String})"
_REFUSAL_COLUMNS = (
    *("dataset", VERSION, "position", "resource", "op"),
    *(RECEIVED_AT, "record", "errors", "code", "step"),
)


def archived_sizes(database: str, after: Place | None, limit: int, timeout_s: float) -> str:
    """Return the query for the next messages' places and the bytes of their bodies.

    The archive lies in this order already, so that it is read up to the limit and not further; a message
    that was archived twice stands there twice until ClickHouse merges them.
    """
    return (
        f"SELECT {_PLACE}, length(`body`) FROM {table_name(database, ARCHIVE.name)} "  # noqa: S608
        f"WHERE {_DATASET}{_after(after)} "
        f"ORDER BY {_PLACE} LIMIT 1 BY {_PLACE} LIMIT {int(limit)} "
        f"SETTINGS {read_settings(timeout_s)} FORMAT JSONCompactEachRow"
    )


def archived_messages(database: str, after: Place | None, last: Place, timeout_s: float) -> str:
    """Return the query for ARCHIVED_COLUMNS of the messages after one place up to another, in RowBinary."""
    listed = ", ".join(map(quoted, ARCHIVED_COLUMNS))
    up_to = f" AND {_VERSION} <= {int(last[0])} AND ({_PLACE}) <= {_numbers(last)}"
    return (
        f"SELECT {listed} FROM {table_name(database, ARCHIVE.name)} "  # noqa: S608
        f"WHERE {_DATASET}{_after(after)}{up_to} ORDER BY {_PLACE} LIMIT 1 BY {_PLACE} "
        f"SETTINGS {read_settings(timeout_s)} FORMAT RowBinary"
    )


def count_archived(database: str, timeout_s: float) -> str:
    return (
        f"SELECT sum(`count`) FROM {table_name(database, ARCHIVE.name)} FINAL WHERE {_DATASET} "  # noqa: S608
        f"SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def delete_archived(database: str, before_version: int) -> str:
    """Return the statement that deletes one resource's messages; {resource:String} is bound too."""
    return (
        f"DELETE FROM {table_name(database, ARCHIVE.name)} WHERE {_DATASET} "  # noqa: S608
        f"AND `resource` = unhex({{resource:String}}) AND {_VERSION} < {int(before_version)}"
    )


def delete_dataset(database: str, table: str) -> str:
    """Return the statement that deletes all that a shared table holds of a dataset."""
    return f"DELETE FROM {table_name(database, table)} WHERE {_DATASET}"  # noqa: S608 - names are quoted


def refusals(database: str, query: RefusalQuery, timeout_s: float) -> str:
    """Return the query for one page of refused records, the newest first; see `refusal_texts`."""
    return (
        f"SELECT {', '.join(map(quoted, _REFUSAL_COLUMNS))} "  # noqa: S608 - names are quoted
        f"FROM {table_name(database, QUARANTINE.name)} FINAL WHERE {_wanted(query)} "
        f"ORDER BY {_VERSION} DESC, `position` LIMIT {int(query.limit)} OFFSET {int(query.offset)} "
        f"SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def refusals_total(database: str, query: RefusalQuery, timeout_s: float) -> str:
    """Return the query for the number of refused records; see `refusal_texts`."""
    return (
        f"SELECT count() FROM {table_name(database, QUARANTINE.name)} FINAL WHERE {_wanted(query)} "  # noqa: S608
        f"SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def count_refusals(database: str, timeout_s: float) -> str:
    return (
        f"SELECT `code`, count() FROM {table_name(database, QUARANTINE.name)} FINAL "  # noqa: S608
        f"WHERE {_DATASET} GROUP BY `code` SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def refusal_texts(query: RefusalQuery) -> dict[str, str]:
    """Return the texts to bind for a query's conditions, by name."""
    texts = {name: getattr(query, name) for name in ("code", "field", "resource")}
    return {"dataset": query.dataset} | {name: text for name, text in texts.items() if text}


def dataset_versions(database: str, limit: int, offset: int, timeout_s: float) -> str:
    return (
        f"SELECT `revision`, `saved_at` FROM {table_name(database, DATASET_VERSIONS.name)} FINAL "  # noqa: S608
        f"WHERE {_DATASET} ORDER BY `revision` DESC LIMIT {int(limit)} OFFSET {int(offset)} "
        f"SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def count_dataset_versions(database: str, timeout_s: float) -> str:
    return (
        f"SELECT count() FROM {table_name(database, DATASET_VERSIONS.name)} FINAL WHERE {_DATASET} "  # noqa: S608
        f"SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def dataset_version(database: str, revision: int, timeout_s: float) -> str:
    return (
        f"SELECT `document` FROM {table_name(database, DATASET_VERSIONS.name)} FINAL "  # noqa: S608
        f"WHERE {_DATASET} AND `revision` = {int(revision)} "
        f"SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def cached_answers(database: str, keys: Iterable[str], now_us: int, timeout_s: float) -> str:
    """Return the query for (key, answer, answered at, expires at); {provider:String} is bound.

    Keys are 40 hexadecimal digits. Raises ValueError for one that is no number, so that no other text passes.
    """
    listed = ", ".join(f"'{int(key, 16):040x}'" for key in keys)
    return (
        "SELECT `key`, `answer`, `answered_at`, `expires_at` "  # noqa: S608 - names are quoted, keys numbers
        f"FROM {table_name(database, GEOCODING_CACHE.name)} FINAL "
        f"WHERE `provider` = unhex({{provider:String}}) AND `key` IN ({listed}) "
        f"AND `expires_at` > {int(now_us)} "
        f"SETTINGS {_limits(timeout_s)} FORMAT JSONCompactEachRow"
    )


def _after(place: Place | None) -> str:
    """Return the condition for what comes later; by the version alone ClickHouse finds the place."""
    if place is None:
        return ""
    return f" AND {_VERSION} >= {int(place[0])} AND ({_PLACE}) > {_numbers(place)}"


def _wanted(query: RefusalQuery) -> str:
    given = [name for name in ("code", "resource") if getattr(query, name)]
    conditions = [_DATASET, *(f"{quoted(name)} = unhex({{{name}:String}})" for name in given)]
    if query.field:
        named = "JSONExtractString(one, 'field') = unhex({field:String})"
        conditions.append(f"arrayExists(one -> {named}, JSONExtractArrayRaw(`errors`))")
    received_us = f"toUnixTimestamp64Micro({quoted(RECEIVED_AT)})"
    if query.since_us is not None:
        conditions.append(f"{received_us} >= {int(query.since_us)}")
    if query.until_us is not None:
        conditions.append(f"{received_us} < {int(query.until_us)}")
    if query.keys:
        conditions.append(f"({_VERSION}, `position`) IN ({', '.join(map(_numbers, query.keys))})")
    return " AND ".join(conditions)


def _numbers(values: tuple[int, ...]) -> str:
    return f"({', '.join(str(int(value)) for value in values)})"


def _limits(timeout_s: float) -> str:
    return f"{read_settings(timeout_s)}, {OUTPUT_SETTINGS}"
