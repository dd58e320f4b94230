"""What is the sender of a push told?  The answers, before a door adds what it knows beside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """The HTTP status and the keys of the answer."""

    status: int
    body: Mapping[str, Any]


STORED = Outcome(200, {"status": "ok"})
VISIBLE = Outcome(200, {"status": "ok", "visible": True})
NOT_YET_VISIBLE = Outcome(202, {"status": "ok", "visible": False})


def synced(*, records: int, deleted: int) -> Outcome:
    """Return the answer to a sync: how many records it brought, and how many it removed."""
    return Outcome(200, {"status": "ok", "records": records, "deleted": deleted})
