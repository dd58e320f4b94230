"""The management API, described."""

from collections.abc import Mapping

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
    one_of,
    thing,
)

BASE = "/api/automation/v1.0"
DATASET = "/datasets/{uid}"
RESOURCE = f"{DATASET}/resources/{{resource_uid}}"
ITEM = f"{DATASET}/fields/{{item_uid}}"
PROCESSOR = f"{DATASET}/processors/{{processor_uid}}"
QUARANTINE = f"{DATASET}/quarantine"
ENTRY = f"{QUARANTINE}/{{entry_id}}"
VERSION = f"{DATASET}/versions/{{version_uid}}"
APIKEY = "/apikeys/{key_uid}"

FAILURES = (400, 401, 403, 404, 405, 408, 409, 413, 415, 429, 503)
KEYS = ("apikey", "apikeyQuery")
PAGE = (
    Parameter("limit", integer(0, 1000), "At most so many; 20 by default."),
    Parameter("offset", integer(0), "After so many."),
)
FILTERS = (
    Parameter("code", TEXT, "Refused for this reason."),
    Parameter("field", TEXT, "Refused for this field."),
    Parameter("resource", TEXT, "Came in by this resource (resource_id)."),
    Parameter("since", TEXT, "Received at this moment (ISO 8601) or later."),
    Parameter("until", TEXT, "Received before this moment."),
)
LOSS = Parameter("accept_loss", FLAG, "Go on although records without a whole archive will be gone.")
JSON = "application/json"


def _operation(
    method: str,
    path: str,
    summary: str,
    tag: str,
    answer: Mapping[int, Schema | None],
    *parameters: Parameter,
    body: Schema | None = None,
    body_required: bool = True,
) -> Operation:
    return Operation(
        method=method,
        path=f"{BASE}{path}/",
        summary=summary,
        tag=tag,
        parameters=parameters,
        body={} if body is None else {JSON: body},
        body_required=body_required,
        answers=answer,
        failures=FAILURES,
        security=KEYS,
    )


def _list(name: str) -> Mapping[int, Schema]:
    return {200: {"allOf": [named("Page"), thing(results=array(named(name)))]}}


def _one(name: str) -> Mapping[int, Schema]:
    return {200: named(name)}


def _new(name: str) -> Mapping[int, Schema]:
    return {201: named(name)}


DONE: Mapping[int, Schema] = {200: named("Done")}
GONE: Mapping[int, Schema | None] = {204: None}
_op = _operation

OPERATIONS = (
    _op("GET", "/processors/types", "List all kinds of processors", "processors", _list("ProcessorKind")),
    _op("GET", "/datasets", "List the datasets", "datasets", _list("Dataset"), *PAGE),
    _op("POST", "/datasets", "Make a dataset", "datasets", _new("Dataset"), body=named("DatasetDocument")),
    _op("GET", DATASET, "Read a dataset", "datasets", _one("Dataset")),
    _op(
        "PUT",
        DATASET,
        "Change a dataset",
        "datasets",
        _one("Dataset"),
        LOSS,
        body=named("DatasetDocument"),
    ),
    _op("DELETE", DATASET, "Delete a dataset with all that it holds", "datasets", GONE),
    _op("POST", f"{DATASET}/publish", "Open for records; bring waiting changes in", "datasets", DONE, LOSS),
    _op("POST", f"{DATASET}/publish_metadata", "Publish the metadata", "datasets", DONE),
    _op("POST", f"{DATASET}/unpublish", "Close for records and readers", "datasets", DONE),
    _op("POST", f"{DATASET}/truncate", "Empty a dataset", "datasets", DONE),
    _op("POST", f"{DATASET}/abort", "Stop a rebuild", "datasets", DONE),
    _op(
        "POST",
        f"{DATASET}/copy",
        "Make a dataset configured as this one",
        "datasets",
        _new("Dataset"),
        body=thing(dataset_id=TEXT, title=TEXT),
        body_required=False,
    ),
    _op("GET", f"{DATASET}/status", "Read the state", "datasets", _one("Status")),
    _op("GET", f"{DATASET}/versions", "List earlier configurations", "versions", _list("Version"), *PAGE),
    _op("GET", VERSION, "Read an earlier configuration", "versions", _one("Version")),
    _op("POST", f"{VERSION}/restore", "Go back to a configuration", "versions", {200: OBJECT}, LOSS),
    _op("GET", QUARANTINE, "List refused records", "quarantine", _list("QuarantineEntry"), *PAGE, *FILTERS),
    _op(
        "DELETE",
        QUARANTINE,
        "Take refused records out for good",
        "quarantine",
        _one("Moved"),
        body=named("Selection"),
    ),
    _op(
        "POST",
        f"{QUARANTINE}/replay",
        "Send refused records through again",
        "quarantine",
        _one("Moved"),
        body=named("Selection"),
    ),
    _op("GET", ENTRY, "Read a refused record", "quarantine", _one("QuarantineEntry")),
    _op("DELETE", ENTRY, "Take a refused record out for good", "quarantine", GONE),
    _op(
        "POST",
        f"{ENTRY}/replay",
        "Send a refused record, perhaps mended, through again",
        "quarantine",
        _one("Moved"),
        body=thing(record=named("Record")),
        body_required=False,
    ),
    _op("GET", f"{DATASET}/resources", "List the resources", "resources", _list("Resource"), *PAGE),
    _op(
        "POST",
        f"{DATASET}/resources",
        "Add a realtime source",
        "resources",
        _new("OpenedResource"),
        body=named("ResourceDocument"),
    ),
    _op(
        "POST",
        f"{DATASET}/resources/preview",
        "Preview a resource before it is made",
        "resources",
        _one("Preview"),
        body=named("ResourceDocument"),
    ),
    _op("GET", RESOURCE, "Read a resource", "resources", _one("Resource")),
    _op("PUT", RESOURCE, "Change a resource", "resources", _one("Resource"), body=named("ResourceDocument")),
    _op("DELETE", RESOURCE, "Delete a resource", "resources", GONE),
    _op("POST", f"{RESOURCE}/enable", "Take records again", "resources", _one("Resource")),
    _op("POST", f"{RESOURCE}/disable", "Refuse records", "resources", _one("Resource")),
    _op(
        "POST",
        f"{RESOURCE}/renew_api_key",
        "Make a new key in place of all others",
        "resources",
        _one("OpenedResource"),
        Parameter("grace_seconds", integer(0), "Seconds for which the old keys still open the resource."),
        body=thing(grace_seconds=integer(0)),
        body_required=False,
    ),
    _op("GET", f"{RESOURCE}/keys", "List the keys", "resources", _list("PushKey"), *PAGE),
    _op(
        "POST",
        f"{RESOURCE}/keys",
        "Make one more key",
        "resources",
        _new("OpenedPushKey"),
        body=thing(scopes=array(one_of("push", "delete")), label=TEXT, expires_at=TEXT),
        body_required=False,
    ),
    _op("DELETE", f"{RESOURCE}/keys/{{key_uid}}", "Take a key away", "resources", GONE),
    _op(
        "POST",
        f"{RESOURCE}/signing_secret",
        "Make a secret with which every push must be signed",
        "resources",
        {201: thing(("signing_secret",), signing_secret=TEXT)},
    ),
    _op("DELETE", f"{RESOURCE}/signing_secret", "Ask for no signatures any more", "resources", GONE),
    _op(
        "POST",
        f"{RESOURCE}/recover",
        "Bring back all that was archived",
        "resources",
        _one("Resource"),
        LOSS,
    ),
    _op(
        "POST",
        f"{RESOURCE}/delete_recover_data",
        "Delete what was archived",
        "resources",
        _one("Resource"),
    ),
    _op("POST", f"{RESOURCE}/clean_cache", "Forget what is cached", "resources", GONE),
    _op("GET", f"{RESOURCE}/preview", "Preview the bootstrap data", "resources", _one("Preview")),
    _op("GET", f"{DATASET}/processors", "List the stack", "processors", _list("Processor"), *PAGE),
    _op(
        "POST",
        f"{DATASET}/processors",
        "Add a processor at the end",
        "processors",
        _new("Processor"),
        body=named("Processor"),
    ),
    _op(
        "PUT",
        f"{DATASET}/processors",
        "Replace the whole stack",
        "processors",
        _list("Processor"),
        body=thing(("processors",), processors=array(named("Processor"))),
    ),
    _op("GET", PROCESSOR, "Read a processor", "processors", _one("Processor")),
    _op("PUT", PROCESSOR, "Replace a processor", "processors", _one("Processor"), body=named("Processor")),
    _op("DELETE", PROCESSOR, "Take a processor out", "processors", GONE),
    _op(
        "POST",
        f"{DATASET}/preview",
        "See the first records before and after each processor of a stack to try",
        "processors",
        _one("StackPreview"),
        body=thing(
            processors=array(named("Processor")), fields=array(named("Item")), records=array(named("Record"))
        ),
        body_required=False,
    ),
    _op("GET", f"{DATASET}/fields", "List the steps of the configuration", "fields", _list("Item"), *PAGE),
    _op("POST", f"{DATASET}/fields", "Add a step at the end", "fields", _new("Item"), body=named("Item")),
    _op(
        "GET",
        f"{DATASET}/fields/preview",
        "Preview the present configuration",
        "fields",
        _one("Preview"),
    ),
    _op(
        "POST",
        f"{DATASET}/fields/preview",
        "Preview a configuration",
        "fields",
        _one("Preview"),
        body=thing(("fields",), fields=array(named("Item"))),
    ),
    _op("GET", ITEM, "Read a step", "fields", _one("Item")),
    _op("PUT", ITEM, "Replace a step", "fields", _one("Item"), body=named("Item")),
    _op("DELETE", ITEM, "Take a step out", "fields", GONE),
    _op("GET", "/apikeys", "List the API keys", "apikeys", _list("ApiKey"), *PAGE),
    _op(
        "POST",
        "/apikeys",
        "Make an API key",
        "apikeys",
        _new("OpenedApiKey"),
        body=named("ApiKeyDocument"),
    ),
    _op("GET", APIKEY, "Read an API key", "apikeys", _one("ApiKey")),
    _op("PUT", APIKEY, "Change an API key", "apikeys", _one("ApiKey"), body=named("ApiKeyDocument")),
    _op("DELETE", APIKEY, "Take an API key away", "apikeys", GONE),
)

_NULLABLE: Schema = {"type": ["string", "null"]}
_API_KEY = {
    "label": TEXT,
    "scopes": array(one_of("admin", "publish", "read")),
    "datasets": array(TEXT),
    "expires_at": _NULLABLE,
}

SCHEMAS: dict[str, Schema] = {
    "Done": thing(("detail",), detail={"const": "ok"}, warning=TEXT),
    "Page": thing(
        ("total_count", "next", "previous", "results"),
        total_count=integer(0),
        next=_NULLABLE,
        previous=_NULLABLE,
        results=array(OBJECT),
    ),
    "DatasetDocument": thing(
        dataset_id={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,99}$"},
        metadata=OBJECT,
        on_error=one_of("null", "quarantine"),
        on_processor_error=one_of("null", "quarantine"),
        private=FLAG,
        restricted=FLAG,
        history=FLAG,
        revision=integer(0),
    ),
    "Dataset": thing(
        ("uid", "dataset_id", "title", "is_published", "revision"),
        uid=TEXT,
        dataset_id=TEXT,
        title=TEXT,
        is_published=FLAG,
        revision=integer(0),
    ),
    "Status": thing(
        ("status", "is_published", "records_errors", "params"),
        status=one_of(
            *("idle", "error", "limit_reached", "queued", "aborting_processing"),
            *("processing", "deleting", "saving_version"),
        ),
        is_published=FLAG,
        message=TEXT,
        records_errors=array(OBJECT),
        params=OBJECT,
    ),
    "ResourceDocument": thing(
        ("type",),
        type={"const": "realtime"},
        title={"type": "string", "minLength": 1, "maxLength": 255},
        enabled=FLAG,
        params=OBJECT,
    ),
    "Resource": thing(
        ("uid", "resource_id", "type", "enabled", "push_path", "params"),
        uid=TEXT,
        resource_id=TEXT,
        type=TEXT,
        enabled=FLAG,
        push_path=TEXT,
        params=OBJECT,
    ),
    "OpenedResource": {
        "allOf": [named("Resource"), thing(("pushkey", "push_url"), pushkey=TEXT, push_url=TEXT)]
    },
    "PushKey": thing(("uid", "scopes"), uid=TEXT, scopes=array(TEXT), label=TEXT, expires_at=_NULLABLE),
    "OpenedPushKey": {"allOf": [named("PushKey"), thing(("pushkey",), pushkey=TEXT, push_url=TEXT)]},
    "Item": thing(
        ("type",), type=one_of("rename", "type", "annotate", "description", "order", "delete"), uid=TEXT
    ),
    "Processor": thing(("type",), type=TEXT, uid=TEXT, label=TEXT),
    "ProcessorKind": thing(
        ("type", "category", "label", "parameters"),
        type=TEXT,
        category=one_of("generic", "date", "text", "geographical"),
        label=TEXT,
        description=TEXT,
        aliases=array(TEXT),
        parameters=array(OBJECT),
    ),
    "StackPreview": thing(
        ("records", "steps", "rows", "fields", "errors"),
        records=array(named("Record")),
        steps=array(OBJECT),
        rows=array(OBJECT),
        fields=array(OBJECT),
        errors=array(OBJECT),
    ),
    "Preview": thing(("fields",), fields=array(OBJECT)),
    "Version": thing(("uid", "revision"), uid=TEXT, revision=integer(0), saved_at=TEXT),
    "QuarantineEntry": thing(("id", "code", "errors"), id=TEXT, code=TEXT, errors=array(OBJECT)),
    "Selection": thing(
        ids=array(TEXT), all=FLAG, code=TEXT, field=TEXT, resource=TEXT, since=TEXT, until=TEXT
    ),
    "Moved": thing(("detail",), detail={"const": "ok"}, replayed=integer(0), deleted=integer(0)),
    "ApiKeyDocument": thing(**_API_KEY),
    "ApiKey": thing(("uid", "scopes"), uid=TEXT, **_API_KEY),
    "OpenedApiKey": {"allOf": [named("ApiKey"), thing(("apikey",), apikey=TEXT)]},
}
