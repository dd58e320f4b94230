"""What do people want to know of processors?  Their kinds, whether a stack is right, and what it would do.

    {"kind": "kinds"}                                          -> {"kinds": [...]}
    {"kind": "check", "dataset", "known", "processors", "checked"} -> {"processors": [{type, label, params}]}
    {"kind": "preview", "dataset", "processors", "records", ...}   -> {"steps": [...], "rows": [...], ...}

An answer is `{"tells": ...}`, or `{"error": {"field", "message"}}` for what somebody wrote wrongly.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from headwater.domain.datasets import ProcessorItem
from headwater.domain.errors import InvalidDocument
from headwater.domain.inference import schema_of
from headwater.runtime.kafka.topics import Op
from processors.parsing import Arrivals, moment_text
from processors.stack.chain import Chain, Link, Passage, Policy, TooMuchAtOnce
from processors.stack.checking import checked
from processors.stack.processor import Surroundings
from processors.stack.registry import kinds
from processors.staging import Stager, sorted_out

PREVIEW_S = 15.0
MAX_PREVIEWED = 20  # records that set out
MAX_SHOWN = 200  # records shown after each processor
PREVIEW_VERSION = 1_700_000_000_000_000 << 12  # clock and seed where nobody says otherwise


class Answers:
    """Answers questions about stacks."""

    def __init__(self, stager: Stager, surroundings: Surroundings) -> None:
        self._stager = stager
        self._surroundings = surroundings

    async def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer; never raises for what a question says."""
        try:
            return {"tells": await self._tells(question)}
        except InvalidDocument as error:
            return {"error": {"field": error.field, "message": _bare(error)}}

    async def _tells(self, question: Mapping[str, Any]) -> dict[str, Any]:
        match question:
            case {"kind": "kinds"}:
                return {"kinds": [kind.to_json() for kind in kinds()]}
            case {"kind": "check", "known": known, "processors": documents, "checked": places}:
                found = await asyncio.to_thread(checked, documents, places, known, self._surroundings)
                return {"processors": found}
            case {"kind": "preview", "dataset": dataset, "processors": documents, "records": records}:
                return await self._preview(dataset, documents, records, question)
        raise InvalidDocument("kind", "nobody knows this kind of question")

    async def _preview(
        self,
        dataset: str,
        documents: Sequence[Mapping[str, Any]],
        records: Sequence[dict[str, Any]],
        question: Mapping[str, Any],
    ) -> dict[str, Any]:
        items = [ProcessorItem.from_json({"uid": "", "label": "", **one}) for one in documents]
        chain = await asyncio.to_thread(Chain.of, items)
        sample = list(records)[:MAX_PREVIEWED]
        versions = list(question.get("versions") or ())[: len(sample)]
        versions += [PREVIEW_VERSION + place for place in range(len(versions), len(sample))]
        arrivals = Arrivals(
            records=sample,
            versions=versions,
            received_at=[moment_text(version >> 12) for version in versions],
            positions=list(range(len(sample))),
        )
        policy = Policy(lenient=bool(question.get("lenient")), key=frozenset(question.get("key", ())))
        try:
            async with asyncio.timeout(PREVIEW_S):
                return await self._watched(chain, items, arrivals, policy, dataset)
        except TimeoutError as error:
            raise InvalidDocument(
                "processors", f"the preview took longer than {PREVIEW_S:g} seconds"
            ) from error
        except TooMuchAtOnce as error:
            raise InvalidDocument("processors", str(error)) from error

    async def _watched(
        self,
        chain: Chain,
        items: Sequence[ProcessorItem],
        arrivals: Arrivals,
        policy: Policy,
        dataset: str,
    ) -> dict[str, Any]:
        """Return what the records are before and after each processor, and how each of them ends."""
        passage = Passage.begin(arrivals.records, arrivals.versions, policy)
        steps = []
        for link, item in zip(chain.links, items, strict=True):
            before = _shown(passage)
            await self._stager.take(link, passage, dataset)
            steps.append(_step(link, item, before, passage))
        passage.end()
        [staged, *_] = sorted_out(passage, arrivals, Op.UPSERT)
        return {
            "steps": steps,
            "rows": staged.kept.records,
            "schema": schema_of(staged.kept.records).to_json(),
            "deleted": len(staged.doomed),
            "discarded": dict(staged.discarded),
        }


def _step(
    link: Link, item: ProcessorItem, before: Sequence[Mapping[str, Any]], passage: Passage
) -> dict[str, Any]:
    errors = [
        {"index": source, "field": one.field, "code": one.code, "message": one.message}
        for source, reasons in sorted(passage.failed.items())
        for one in reasons
        if one.processor == link.uid
    ]
    waiting = [
        {"index": source, "provider": one.provider, "message": one.message}
        for source, one in sorted(passage.waiting.items())
    ]
    return {
        "uid": item.uid,
        "type": item.type,
        "label": item.label,
        "before": before,
        "after": _shown(passage),
        "errors": errors,
        "waiting": waiting,
    }


def _shown(passage: Passage) -> list[dict[str, Any]]:
    """Return copies of the records that are left, with the place of the one that each was made from."""
    doomed = passage.doomed or [False] * len(passage.records)
    rows = zip(passage.records, passage.sources, doomed, strict=True)
    return [
        {"index": source, "record": dict(record), **({"deleted": True} if dooms else {})}
        for (record, source, dooms), _ in zip(rows, range(MAX_SHOWN), strict=False)
    ]


def _bare(error: InvalidDocument) -> str:
    return str(error).removeprefix(f"{error.field}: ")
