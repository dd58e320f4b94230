"""Which document describes everything?  OpenAPI 3.1, made of the operations of all doors."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

from gateway.openapi import management, push, search, service
from gateway.openapi.operations import Operation, Parameter, Schema, array, integer, thing
from headwater import __version__

OPERATIONS: Sequence[Operation] = (
    *push.OPERATIONS,
    *search.OPERATIONS,
    *management.OPERATIONS,
    *service.OPERATIONS,
)

SECURITY: Mapping[str, Mapping[str, str]] = {
    "pushkey": {"type": "apiKey", "in": "query", "name": "pushkey"},
    "pushkeyHeader": {"type": "http", "scheme": "bearer"},
    "signature": {"type": "apiKey", "in": "header", "name": "webhook-signature"},
    "apikey": {"type": "apiKey", "in": "header", "name": "Authorization"},
    "apikeyQuery": {"type": "apiKey", "in": "query", "name": "apikey"},
}
NOBODY = "nobody"  # among an operation's keys: none is needed

TAGS = (
    {"name": "push", "description": "Add, replace, merge and delete records."},
    {"name": "search", "description": "Read what is stored."},
    {"name": "files", "description": "Read files that were pushed."},
    {"name": "datasets", "description": "Make datasets and lead them through their life."},
    {"name": "resources", "description": "The ways in, their keys, their recovery data."},
    {"name": "fields", "description": "What becomes of the fields."},
    {"name": "quarantine", "description": "Records that could not be stored: look, mend, replay."},
    {"name": "versions", "description": "Earlier configurations of a dataset."},
    {"name": "apikeys", "description": "Keys for people and programs."},
    {"name": "service", "description": "About this service."},
)

SCHEMAS: Mapping[str, Schema] = {
    "Error": thing(
        ("status", "error_code", "error", "message"),
        status={"const": "error"},
        error_code={"type": "string", "description": "a machine word"},
        error={"type": "string", "description": "a sentence"},
        message={"type": "string", "description": "the same sentence"},
        errors=array({"$ref": "#/components/schemas/RecordProblem"}),
    ),
    "RecordProblem": thing(
        ("index", "message"),
        index=integer(0),
        field={"type": ["string", "null"]},
        message={"type": "string"},
    ),
    **push.SCHEMAS,
    **search.SCHEMAS,
    **management.SCHEMAS,
}

_IN_PATH = re.compile(r"{(\w+)}")


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of this version; the caller must not change it."""
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": __version__,
            "summary": "Push records, search them a moment later, manage what becomes of them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": list(TAGS),
        "paths": paths,
        "components": {"schemas": dict(SCHEMAS), "securitySchemes": dict(SECURITY)},
    }


def _operation(one: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": one.summary,
        "tags": [one.tag],
        "operationId": _operation_id(one),
        "parameters": [
            *(_path_parameter(name) for name in _IN_PATH.findall(one.path)),
            *map(_parameter, one.parameters),
        ],
        "responses": _responses(one),
    }
    if one.description:
        described["description"] = one.description
    if one.body:
        content = {kind: {"schema": schema} for kind, schema in one.body.items()}
        described["requestBody"] = {"required": one.body_required, "content": content}
    described["security"] = [{} if name == NOBODY else {name: []} for name in one.security]
    return described


def _operation_id(one: Operation) -> str:
    words = re.findall(r"[A-Za-z0-9]+", one.path)
    return "_".join([one.method.lower(), *words])


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _parameter(one: Parameter) -> dict[str, Any]:
    return {"name": one.name, "in": one.where, "schema": one.schema, "description": one.description}


def _responses(one: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, schema in one.answers.items():
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if schema is not None:
            responses[str(status)]["content"] = {one.answer_type: {"schema": schema}}
    for status in one.failures:
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    return responses
