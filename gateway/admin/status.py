"""How is a dataset?  /datasets/{uid}/status/: what clients poll after publish, recover and the like."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.admin.answers import iso_moment
from gateway.admin.datasets import dataset_of
from gateway.admin.quarantine import entry_id
from gateway.admin.replies import reply
from gateway.admin.states import IDLE, PROCESSING, QUEUED, status_of
from gateway.keys import ACTIVITY, STORE
from headwater.domain.activity import Progress, Traffic
from headwater.domain.datasets import Build, Dataset
from headwater.domain.errors import StoreUnavailable
from headwater.domain.versions import moment_us
from headwater.runtime.store import QuarantinedRecord, RefusalQuery, Store

RECORDS_ERRORS = 100  # the newest
DRAFT_WAITS = "the configuration was changed; publish the dataset to make its records again"


async def get_status(request: web.Request) -> web.Response:
    """Answer the state of a dataset, also while the store is away: its errors are then not known."""
    dataset, activity = dataset_of(request), request.app[ACTIVITY]
    counts, refusals = await _refusals(request.app[STORE], dataset.uid)
    answer = status_answer(dataset, activity.progress(dataset.uid), activity.traffic(dataset.uid))
    answer["records_errors"] = [one for refusal in refusals for one in error_answers(refusal)][
        :RECORDS_ERRORS
    ]
    answer["params"]["errors_count"] = None if counts is None else sum(counts.values())
    answer["params"]["errors"] = counts
    return reply(answer)


def status_answer(
    dataset: Dataset, progress: Progress | None, traffic: Mapping[str, Traffic]
) -> dict[str, Any]:
    """Return the state of a dataset, its refused records aside."""
    status, build = status_of(dataset), dataset.build
    return {
        "status": status,
        "previous": None if build is None else IDLE,
        "next": {QUEUED: PROCESSING, PROCESSING: IDLE}.get(status),
        "since": _since(dataset),
        "is_published": dataset.published,
        "message": _message(dataset),
        "records_errors": [],
        "params": {
            "has_draft": dataset.has_draft,
            "error": dataset.failure or None,
            "progress": None if build is None else progress_answer(build, progress),
            "resources": {
                one.resource_id: traffic_answer(traffic.get(one.resource_id)) for one in dataset.resources
            },
        },
    }


def progress_answer(build: Build, progress: Progress | None) -> dict[str, Any]:
    """Return how far a build is; news of an earlier one say nothing."""
    news = progress if progress is not None and progress.build == build.uid else None
    return {
        "state": build.state.value,
        "replayed": 0 if news is None else news.replayed,
        "total": None if news is None else news.total,
    }


def traffic_answer(traffic: Traffic | None) -> dict[str, Any]:
    """Return what came in by a resource since the processes that count were started."""
    return {
        "last_received_at": None if traffic is None else iso_moment(traffic.at_us),
        "records": 0 if traffic is None else traffic.records,
        "quarantined": 0 if traffic is None else traffic.quarantined,
    }


def error_answers(refusal: QuarantinedRecord) -> list[dict[str, Any]]:
    """Return the errors of a refused record; it never became one, so it has no record id."""
    return [
        {
            "record_id": None,
            "field_uid": error.get("field"),
            "processor_uid": error.get("processor"),
            "message": error.get("message"),
            "code": error.get("code"),
            "quarantine_id": entry_id(refusal),
        }
        for error in refusal.errors
    ]


def _since(dataset: Dataset) -> str:
    if dataset.build is not None:
        return iso_moment(dataset.build.requested_at_us)
    return iso_moment(moment_us(dataset.since_version)) if dataset.since_version else dataset.created_at


def _message(dataset: Dataset) -> str:
    if dataset.build is not None:
        return "the records are made again from the archive; readers see those before until it is done"
    if dataset.failure:
        return dataset.failure
    return DRAFT_WAITS if dataset.has_draft else ""


async def _refusals(store: Store, uid: str) -> tuple[dict[str, int] | None, Sequence[QuarantinedRecord]]:
    """Return how many records wait in quarantine by code, None when the store is away; and the newest."""
    try:
        return await asyncio.gather(
            store.count_refusals(uid), store.refusals(RefusalQuery(dataset=uid, limit=RECORDS_ERRORS))
        )
    except StoreUnavailable:
        return None, ()
