"""Every processor does what its golden file says.

A line of tests/golden/processors/<type>.jsonl is one case:

    {"name": a sentence, "params": {...}, "records": [...], "versions": [...] (optional, else 1, 2, ...),
     "answers": [...] (of a look-up: the answer to the question of each record; null: none was asked),
     "asked": [...] (of a look-up, optional: whether each record asks anything),
     "expected": [one outcome for each record]}

An outcome is {"record": {...}}, {"records": [...]}, {"skipped": true}, {"deleted": {...}},
{"waiting": provider} or {"error": {"field": ..., "message": a part of it, "code": ... (optional)}}.
Numbers are compared to nine digits. A case that cannot be saved has, instead of records and expected,
{"invalid": {"parameter": ..., "message": a part of it}}.
"""

from pathlib import Path

import orjson
import pytest

from headwater.domain.errors import InvalidDocument
from processors.stack.outcomes import Deleted, Failed, Several, Skipped, Waiting
from processors.stack.parsing import parse_processor
from processors.stack.processor import KINDS
from processors.stack.registry import kind_of

GOLDEN = Path(__file__).parents[3] / "golden" / "processors"


def cases():
    for path in sorted(GOLDEN.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                case = orjson.loads(line)
                yield pytest.param(path.stem, case, id=f"{path.stem}:{number} {case['name']}")


@pytest.mark.parametrize(("type_name", "case"), list(cases()))
def test_a_processor_does_what_its_golden_file_says(type_name, case):
    """One line of a golden file: the parameters, records in, outcomes out."""
    if "invalid" in case:
        with pytest.raises(InvalidDocument) as caught:
            parse_processor(kind_of(type_name), case["params"])
        assert caught.value.field == case["invalid"]["parameter"]
        assert case["invalid"]["message"] in str(caught.value)
        return

    outcomes = outcomes_of(type_name, case)

    assert len(outcomes) == len(case["expected"])
    for outcome, expected in zip(outcomes, case["expected"], strict=True):
        check(described(outcome), expected)


def outcomes_of(type_name, case):
    step = parse_processor(kind_of(type_name), case["params"]).compiled()
    records = orjson.loads(orjson.dumps(case["records"]))
    versions = case.get("versions") or list(range(1, len(records) + 1))
    if not hasattr(step, "tell"):
        return step(records, versions)
    questions = step.ask(records)
    asked = [question is not None for question in questions]
    assert asked == case.get("asked", asked)
    read = getattr(step, "answer_from_json", lambda answer: answer)
    answers = [read(answer) if known else None for answer, known in zip(case["answers"], asked, strict=True)]
    return step.tell(records, versions, answers)


def described(outcome):
    match outcome:
        case Failed():
            return {"error": {"field": outcome.field, "message": outcome.message, "code": outcome.code}}
        case Skipped():
            return {"skipped": True}
        case Deleted():
            return {"deleted": outcome.record}
        case Several():
            return {"records": list(outcome.records)}
        case Waiting():
            return {"waiting": outcome.provider}
        case _:
            return {"record": outcome}


def check(found, expected):
    assert found.keys() == expected.keys(), found
    if "error" not in expected:
        assert rounded(orjson.loads(orjson.dumps(found))) == rounded(expected)
        return
    for name, value in expected["error"].items():
        given = found["error"][name]
        assert value in given if name == "message" else value == given


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {name: rounded(one) for name, one in value.items()} if isinstance(value, dict) else value


def test_every_processor_has_a_golden_file():
    """A processor without one is not proven."""
    missing = KINDS.keys() - {path.stem for path in GOLDEN.glob("*.jsonl")}

    assert not missing


def test_every_golden_file_has_a_processor():
    """A file whose processor was renamed would prove nothing."""
    assert {path.stem for path in GOLDEN.glob("*.jsonl")} <= KINDS.keys()
