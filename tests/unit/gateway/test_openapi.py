"""Does the description say what the gateway does?  Every route is described, and nothing else is."""

import pytest
from aiohttp import web
from openapi_spec_validator import validate

from gateway.openapi.document import document
from gateway.openapi.page import page
from tests.gateway_parts import memory_app

SILENT = {"HEAD", "OPTIONS"}
READ_ONLY = "*"  # the read APIs answer every verb themselves and allow GET


def routes_of(app: web.Application) -> set[tuple[str, str]]:
    """Return verb and path of every route, without the slash at the end, regular expressions taken off."""
    found = set()
    for route in app.router.routes():
        path = route.resource.canonical
        if path.endswith("{path}"):
            continue
        method = "GET" if route.method == READ_ONLY else route.method
        if method not in SILENT:
            found.add((method, path.rstrip("/")))
    return found


def described() -> set[tuple[str, str]]:
    """Return verb and path of every operation of the document."""
    return {(verb.upper(), path.rstrip("/")) for path, verbs in document()["paths"].items() for verb in verbs}


async def test_every_route_is_described_and_every_description_has_a_route():
    """A new route without a description fails here, by name."""
    routes = routes_of(memory_app())

    assert routes - described() == set()
    assert described() - routes == set()


def test_it_is_openapi():
    """Checked by a validator that others maintain."""
    validate(document())


def test_operations_have_names_of_their_own():
    """Generated clients make functions of them."""
    names = [one["operationId"] for verbs in document()["paths"].values() for one in verbs.values()]

    assert len(set(names)) == len(names)


def test_every_operation_names_its_failures():
    """Whoever needs a key can be refused; a path with a name in it can be unknown."""
    for path, verbs in document()["paths"].items():
        for one in verbs.values():
            statuses = set(one["responses"])
            if one["security"] != [{}]:
                assert {"401", "503"} <= statuses, path
            if "{" in path:
                assert "404" in statuses, path


@pytest.mark.parametrize("tag", [tag["name"] for tag in document()["tags"]])
def test_the_page_shows_every_tag(tag):
    """People find what machines find."""
    assert f'<h2 id="{tag}">' in page(document())


def test_the_page_escapes_what_it_shows():
    """Texts are texts, whatever is in them."""
    hostile = {
        "info": {"title": "<script>", "version": "1", "summary": "&"},
        "tags": [{"name": '"><b>', "description": "<i>"}],
        "paths": {},
    }

    shown = page(hostile)

    assert "<script>" not in shown
    assert "<i>" not in shown
    assert '"><b>' not in shown
