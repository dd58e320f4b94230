"""The Push API, described."""

from gateway.openapi.operations import (
    FLAG,
    OBJECT,
    TEXT,
    Operation,
    Parameter,
    Schema,
    array,
    integer,
    named,
)

BASE = "/api/push/1.0/{dataset}/{resource}"
FAILURES = (400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 503)
KEYS = ("pushkey", "pushkeyHeader", "signature")

WAITING = (
    Parameter("wait", FLAG, "Answer when the records can be searched, or 202 when time runs out."),
    Parameter("timeout", {"type": "number", "minimum": 0, "maximum": 30}, "Seconds to wait; 5 by default."),
    Parameter(
        "Idempotency-Key",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "A repeated request with this key within 24 hours stores nothing new. `webhook-id` does the same.",
        "header",
    ),
)
BODIES: dict[str, Schema] = {
    "application/json": {"oneOf": [named("Record"), array(named("Record"))]},
    "application/x-ndjson": TEXT,
    "text/csv": TEXT,
}

_PUSH = Operation(
    method="POST",
    path=f"{BASE}/push/",
    summary="Add or replace records",
    tag="push",
    description=(
        "One object, an array of objects, one object per line (NDJSON), or CSV with a header line. All or "
        "nothing, unless `partial` is given. A record with the identity of another replaces it as a whole, "
        "unless `merge` is given. Every content type but text/csv means JSON. The body may be compressed "
        "(Content-Encoding gzip, deflate or zstd)."
    ),
    parameters=(
        *WAITING,
        Parameter("partial", FLAG, "Store the good records and report the others."),
        Parameter("merge", FLAG, "Change only the fields that are given; the dataset needs a unique key."),
        Parameter("sync", FLAG, "Make the dataset exactly this array: what is not in it goes."),
        Parameter("delimiter", TEXT, "Separator of CSV; guessed when missing."),
    ),
    body=BODIES,
    answers={200: named("Pushed"), 202: named("Pushed")},
    failures=FAILURES,
    security=KEYS,
)
_DELETE = Operation(
    method="POST",
    path=f"{BASE}/delete/",
    summary="Delete records by their values",
    tag="push",
    description="The records as they were pushed, or their key fields. One that is not there is gone.",
    parameters=WAITING,
    body=BODIES,
    answers={200: named("Pushed"), 202: named("Pushed")},
    failures=FAILURES,
    security=KEYS,
)
_DELETE_BY_ID = Operation(
    method="GET",
    path=f"{BASE}/{{record_id}}/delete/",
    summary="Delete one record by its id",
    tag="push",
    parameters=WAITING,
    answers={200: named("Pushed"), 202: named("Pushed")},
    failures=FAILURES,
    security=KEYS,
)

OPERATIONS = (
    _PUSH,
    _DELETE,
    _DELETE.also("DELETE"),
    _DELETE.also("DELETE", f"{BASE}/push/"),
    _DELETE.also("POST", f"{BASE}/push/delete/"),
    _DELETE.also("DELETE", f"{BASE}/push/delete/"),
    _DELETE_BY_ID,
    _DELETE_BY_ID.also("POST"),
    _DELETE_BY_ID.also("DELETE"),
)

SCHEMAS: dict[str, Schema] = {
    "Record": {**OBJECT, "minProperties": 1, "maxProperties": 500, "additionalProperties": True},
    "Pushed": {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"const": "ok"},
            "visible": {"type": "boolean", "description": "with wait: whether the records can be searched"},
            "accepted": integer(0),
            "rejected": integer(0),
            "records": integer(0),
            "deleted": integer(0),
            "errors": array(named("RecordProblem")),
        },
    },
}
