"""Does the gateway keep to its description, whatever is asked?  Schemathesis makes the requests."""

import pytest
import requests
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.app import AUTO_DECOMPRESS
from gateway.keys import CATALOG
from gateway.openapi.document import document
from tests.gateway_parts import ADMIN_KEY, memory_app

BASE = "/api/automation/v1.0"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
UNAVAILABLE = 503  # a sync that nobody carries out in memory; declared, and no defect
EXAMPLES = 12  # requests for each operation


@schemathesis.serializer("application/x-ndjson")
def as_lines(_ctx, value):
    """Send a generated text as it is; it is rarely NDJSON, which is for the gateway to say."""
    return str(value).encode(errors="surrogatepass")


class Running:
    """A gateway that runs, and names in it that exist."""

    def __init__(self, url):
        self.url = url
        made = self._manage("POST", "/datasets/", {"dataset_id": "rivers"})
        path = f"/datasets/{made['uid']}"
        bootstrap = {"station": "a", "level": 1.5}
        resource = self._manage(
            "POST", f"{path}/resources/", {"type": "realtime", "params": {"bootstrap": bootstrap}}
        )
        item = self._manage(
            "POST", f"{path}/fields/", {"type": "annotate", "field": "station", "annotation": "id"}
        )
        self._manage("POST", f"{path}/publish/")
        self.pushkey = resource["pushkey"]
        self.names = {
            "dataset": "rivers",
            "dataset_id": "rivers",
            "resource": resource["resource_id"],
            "uid": made["uid"],
            "resource_uid": resource["uid"],
            "item_uid": item["uid"],
            "record_id": "0" * 40,
            "file_id": "0" * 40,
        }

    def _manage(self, method, path, document=None):
        headers = {"Authorization": f"apikey {ADMIN_KEY}"}
        answer = requests.request(method, self.url + BASE + path, json=document, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json()


async def _start(app):
    await app[CATALOG].start()
    runner = web.AppRunner(app, access_log=None, auto_decompress=AUTO_DECOMPRESS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


@pytest.fixture(scope="module")
def running(background):
    """A gateway with one published dataset."""
    runner = background.run(_start(memory_app()), 30)
    host, port = runner.addresses[0][:2]
    yield Running(f"http://{host}:{port}")
    background.run(runner.cleanup(), 30)


SCHEMA = schemathesis.openapi.from_dict(document())
# Makes or ends what the other operations need; their own tests are elsewhere.
HARMFUL = r"(unpublish|disable|renew_api_key|signing_secret)/$"


@SCHEMA.exclude(path_regex=HARMFUL).exclude(method="DELETE", path_regex=rf"^{BASE}/").parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_described(case, running):
    """No 5xx, no status, type or shape that is not declared: with names that exist and with any others."""
    if (case.body.__hash__ is None) or len(str(case.query)) % 2:  # for half of the requests the door opens
        case.path_parameters = {
            name: running.names.get(name, value) for name, value in (case.path_parameters or {}).items()
        }
    case.query = {**(case.query or {}), "pushkey": running.pushkey}
    if "wait" in case.query or "sync" in case.query:
        case.query["timeout"] = 0.01
    response = case.call(base_url=running.url, headers={"Authorization": f"apikey {ADMIN_KEY}"}, timeout=20)
    checks = [one for one in CHECKS if response.status_code != UNAVAILABLE or one is not not_a_server_error]
    case.validate_response(response, checks=checks)
    if response.status_code == UNAVAILABLE:
        assert response.json()["error_code"] == "sync_unfinished"
