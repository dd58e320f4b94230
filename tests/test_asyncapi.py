"""Is the Kafka-native contract a valid AsyncAPI document, and does it say what the code does?"""

import json
import re
from pathlib import Path

import pytest
import yaml
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from jsonschema import Draft202012Validator

from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES, Header, Op, Topics

ROOT = Path(__file__).parent.parent
DOCUMENT = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
MESSAGES = DOCUMENT["components"]["messages"]


def test_it_is_asyncapi_3():
    """Checked by a model of the specification that others maintain."""
    assert ApplicationSchema.model_validate(DOCUMENT).asyncapi == "3.0.0"


def test_a_broken_document_is_refused():
    """The check can fail."""
    with pytest.raises(ValueError, match="channels"):
        ApplicationSchema.model_validate({**DOCUMENT, "channels": "none"})


def test_references_lead_somewhere():
    """Every $ref names a part of the document."""
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        part = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part, reference


def test_topics_operations_and_limits_are_those_of_the_code():
    """Addresses, ops, header names and the size of messages cannot drift away."""
    topics = Topics()
    assert DOCUMENT["channels"]["raw"]["address"] == topics.raw
    assert DOCUMENT["channels"]["applied"]["address"] == topics.applied
    config = DOCUMENT["channels"]["raw"]["bindings"]["kafka"]["topicConfiguration"]
    assert config["max.message.bytes"] == MAX_MESSAGE_BYTES
    headers = MESSAGES["records"]["headers"]["properties"]
    assert set(headers["op"]["enum"]) == {op.value for op in Op}
    assert set(headers) == {Header.DATASET, Header.RESOURCE, Header.PUSHKEY, Header.OP, Header.VERSION}


def test_examples_are_examples():
    """Each fits the schemas of its headers and its payload."""
    schemas = DOCUMENT["components"]["schemas"]
    for message in MESSAGES.values():
        for example in message.get("examples", ()):
            Draft202012Validator(message["headers"]).validate(example["headers"])
            Draft202012Validator(schemas["record"]).validate(example["payload"])


def test_the_applied_schema_takes_what_the_sinks_write():
    """A line with parts, and one without."""
    line = {
        "dataset": "da_1",
        "generation": 1,
        "sources": ["0:1:2"],
        "parts": ["0:1:2:0", "0:1:2:1/2"],
        "rows": 3,
        "max_version": 2**60,
        "received_at": "2026-01-01T00:00:00+00:00",
    }
    validator = Draft202012Validator(DOCUMENT["components"]["schemas"]["applied"])
    validator.validate(line)
    assert not validator.is_valid({**line, "sources": ["x"]})
