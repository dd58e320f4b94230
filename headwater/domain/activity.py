"""What came in lately, and how far are builds?  What the lines of topic activity add up to.

Every process that counts writes its own line and overwrites it, so the topic stays small: a reader adds up
the lines of all instances. Counts begin when an instance starts; moments never go back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

IN, BUILD = "in", "build"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What came in by one resource, as far as the lines tell."""

    at_us: int = 0  # when the newest record came in, microseconds since 1970
    records: int = 0
    quarantined: int = 0

    def plus(self, other: "Traffic") -> "Traffic":
        """Return what both say together."""
        return Traffic(
            at_us=max(self.at_us, other.at_us),
            records=self.records + other.records,
            quarantined=self.quarantined + other.quarantined,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a build is."""

    build: str  # bu_...
    replayed: int  # records
    total: int | None  # None: not known yet
    at_us: int


class ActivityBook:
    """All lines read so far, the last of each key."""

    def __init__(self) -> None:
        self._traffic: dict[str, dict[tuple[str, str], Traffic]] = {}  # uid -> (resource id, instance)
        self._progress: dict[str, Progress] = {}

    def read(self, key: str, value: bytes | None) -> None:
        """Take one line; no value takes the line before away. Raises ValueError, KeyError, TypeError."""
        kind, _, rest = key.partition("/")
        document = orjson.loads(value) if value else None
        if kind == BUILD:
            self._read_progress(rest, document)
        elif kind == IN:
            uid, resource_id, instance = rest.split("/")
            self._read_traffic(uid, (resource_id, instance), document)
        else:
            raise ValueError(f"no kind of line {kind!r}")

    def traffic(self, uid: str) -> dict[str, Traffic]:
        """Return what came into a dataset, by resource id."""
        added: dict[str, Traffic] = {}
        for (resource_id, _), one in self._traffic.get(uid, {}).items():
            added[resource_id] = added.get(resource_id, Traffic()).plus(one)
        return added

    def progress(self, uid: str) -> Progress | None:
        """Return what was said last about a build of a dataset; it may be an earlier one."""
        return self._progress.get(uid)

    def _read_progress(self, uid: str, document: Mapping[str, Any] | None) -> None:
        if document is None:
            self._progress.pop(uid, None)
        else:
            total = document["total"]
            self._progress[uid] = Progress(
                build=str(document["build"]),
                replayed=int(document["replayed"]),
                total=None if total is None else int(total),
                at_us=int(document["at_us"]),
            )

    def _read_traffic(self, uid: str, who: tuple[str, str], document: Mapping[str, Any] | None) -> None:
        lines = self._traffic.setdefault(uid, {})
        if document is None:
            lines.pop(who, None)
        else:
            lines[who] = Traffic(
                at_us=int(document["at_us"]),
                records=int(document["records"]),
                quarantined=int(document["quarantined"]),
            )
