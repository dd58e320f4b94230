"""The read side, described: Explore v2.1, and the bytes of files."""

from gateway.openapi.operations import (
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

BASE = "/api/explore/v2.1/catalog/datasets"
FAILURES = (400, 401, 403, 404, 429, 503)
READERS = ("nobody", "apikey", "apikeyQuery")
LANGUAGES = ("en", "fr", "nl", "pt", "it", "ar", "de", "es", "ca", "eu", "sv")
FILE_PATHS = (
    f"{BASE}/{{dataset_id}}/files/{{file_id}}/",
    "/api/datasets/1.0/{dataset_id}/files/{file_id}/",
    "/explore/dataset/{dataset_id}/files/{file_id}/",
)
THUMBNAIL_SIZES = (100, 300, 600)

SHOWN = (
    Parameter("lang", one_of(*LANGUAGES), "Language of what depends on one."),
    Parameter("timezone", TEXT, "Zone of the IANA database in which moments are shown."),
)
PAGE = (
    Parameter("limit", integer(-1, 100), "At most so many; 10 by default, -1 means 100."),
    Parameter("offset", integer(0), "After so many."),
    Parameter("order_by", TEXT, "Fields to sort by: `field [asc|desc], ...`; nulls come last."),
    *SHOWN,
)
AS_OF = Parameter(
    "as_of", TEXT, "The state at a moment (ISO 8601) or version; the dataset keeps its history."
)


def _read(path: str, summary: str, answer: Schema, *parameters: Parameter) -> Operation:
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        tag="search",
        parameters=parameters,
        answers={200: answer},
        failures=FAILURES,
        security=READERS,
    )


def _file(path: str, summary: str) -> Operation:
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        tag="files",
        parameters=(Parameter("If-None-Match", TEXT, "The ETag that you have.", "header"),),
        answers={200: {"type": "string", "format": "binary"}, 304: None},
        answer_type="*/*",
        failures=FAILURES,
        security=READERS,
    )


OPERATIONS = (
    _read(f"{BASE}/", "List the datasets", named("Datasets"), *PAGE),
    _read(f"{BASE}/{{dataset_id}}/", "Describe a dataset", named("ExploredDataset"), *SHOWN),
    _read(f"{BASE}/{{dataset_id}}/records/", "List records", named("Records"), *PAGE, AS_OF),
    _read(f"{BASE}/{{dataset_id}}/records/{{record_id}}/", "Read one record", OBJECT, *SHOWN, AS_OF),
    *(_file(path, "Read a file") for path in FILE_PATHS),
    *(_file(f"{path}download/", "Save a file") for path in FILE_PATHS),
    *(
        _file(f"{path}{size}/", f"Read an image with at most {size} pixels a side")
        for path in FILE_PATHS
        for size in THUMBNAIL_SIZES
    ),
)

SCHEMAS: dict[str, Schema] = {
    "Datasets": thing(
        ("total_count", "results"), total_count=integer(0), results=array(named("ExploredDataset"))
    ),
    "ExploredDataset": thing(
        ("dataset_id", "metas", "fields"), dataset_id=TEXT, metas=OBJECT, fields=array(OBJECT)
    ),
    "Records": thing(("total_count", "results"), total_count=integer(0), results=array(OBJECT)),
}
