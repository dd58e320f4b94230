"""This description itself, described."""

from gateway.openapi.operations import OBJECT, TEXT, Operation

OPERATIONS = (
    Operation(
        method="GET",
        path="/api/openapi.json",
        summary="Read this description",
        tag="service",
        answers={200: OBJECT},
        security=("nobody",),
    ),
    Operation(
        method="GET",
        path="/api/docs/",
        summary="Read this description as a page",
        tag="service",
        answers={200: TEXT},
        answer_type="text/html",
        security=("nobody",),
    ),
)
