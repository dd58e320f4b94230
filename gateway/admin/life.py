"""What becomes of a dataset's records?  Pure: publish, unpublish, truncate, and builds of a new generation.

A build makes the records of a published dataset again, out of the archive of what came in, while readers
and pushes go on (domain/datasets.py: Build). Resources without a whole archive would lose records by it, so
it is refused unless the caller accepts that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.admin.edits import resource_of
from gateway.admin.stack import processors_of, stack_of
from gateway.admin.states import PROCESSING, QUEUED, InvalidStatus, check_idle, check_published, status_of
from headwater.domain.builds import Design, is_whole, with_build
from headwater.domain.datasets import BuildState, Dataset, Resource
from headwater.domain.errors import Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a build that may become necessary is called, when it was asked for, and what may be lost by it."""

    uid: str  # bu_...
    now_us: int
    accept_loss: bool = False


def published(dataset: Dataset, version: int, order: Order) -> Dataset:
    """Return the dataset open for records from `version` on, empty; one that is open, with its draft built.

    An open one without a draft stays as it is: a repeated request does not empty what the first one opened.
    Raises InvalidStatus while a build goes on, Conflict when the build would lose records.
    """
    if dataset.published:
        return rebuilt(dataset, order) if dataset.has_draft else dataset
    opened = replace(dataset, published=True, since_version=version, failure="")
    return _emptied(opened) if dataset.since_version else opened


def unpublished(dataset: Dataset, version: int) -> Dataset:
    """Return the dataset closed for records and for readers; the next publication starts empty.

    What was to be built counts then: there is nothing left to make again.
    """
    if not dataset.published:
        return dataset
    settled = _settled(dataset)
    return replace(
        settled,
        published=False,
        processors=processors_of(settled),
        fields=stack_of(settled),
        draft=None,
        draft_processors=None,
        since_version=version,
        failure="",
    )


def truncated(dataset: Dataset, version: int) -> Dataset:
    """Return the dataset open and empty from `version` on; configuration and archive stay.

    Raises InvalidStatus when it is not published.
    """
    check_published(dataset)
    return replace(_emptied(_settled(dataset)), since_version=version, failure="")


def rebuilt(dataset: Dataset, order: Order, *, history: bool | None = None) -> Dataset:
    """Return the published dataset with a build of its draft, or of its stack, with or without history.

    Raises InvalidStatus while a build goes on, Conflict when the build would lose records.
    """
    check_published(dataset)
    check_idle(dataset)
    _check_loss([one for one in dataset.resources if not is_whole(dataset, one)], order)
    return _with_build(dataset, order, dataset.history if history is None else history)


def recovered(dataset: Dataset, resource_uid: str, order: Order) -> Dataset:
    """Return the published dataset with a build that has all that was ever archived of one resource.

    Of the others it has what the dataset holds now: those without an archive are copied.
    Raises NotFound, InvalidStatus, Conflict when the build would lose records.
    """
    resource = resource_of(dataset, resource_uid)
    check_published(dataset)
    check_idle(dataset)
    broken = [one for one in dataset.resources if not is_whole(dataset, one)]
    _check_loss([one for one in broken if one is resource or one.recovers], order)
    return _with_build(dataset, order, dataset.history, recovers=resource.uid)


def aborted(dataset: Dataset) -> Dataset:
    """Return the dataset without the build; what it was to bring stays a draft.

    Raises InvalidStatus when nothing is being built, Conflict when readers see the result already.
    """
    if dataset.build is None:
        raise InvalidStatus(status_of(dataset), (QUEUED, PROCESSING))
    if dataset.build.state is BuildState.SETTLING:
        raise Conflict("the records are made again already and readers see them; nothing is left to abort")
    return replace(dataset, build=None)


def with_history(dataset: Dataset, order: Order, *, history: bool) -> Dataset:
    """Return the dataset that keeps, or no longer keeps, every version of a record.

    On a published one that is a build. Raises InvalidStatus, Conflict.
    """
    if history == dataset.history:
        return dataset
    return (
        rebuilt(dataset, order, history=history) if dataset.published else replace(dataset, history=history)
    )


def with_scratched_archive(dataset: Dataset, resource_uid: str, version: int) -> Dataset:
    """Return the dataset of which nothing that one resource received before `version` can be recovered.

    Raises NotFound, InvalidStatus.
    """
    resource = resource_of(dataset, resource_uid)
    check_published(dataset)
    check_idle(dataset)
    return dataset.with_resource(replace(resource, archived_since=version))


def loss_warning(dataset: Dataset, doing: str) -> str:
    """Return the sentence about resources whose records are gone for good; empty when there are none."""
    names = [one.resource_id for one in dataset.resources if not is_whole(dataset, one)]
    if not names:
        return ""
    return (
        f"{doing} drops records of {_listed(names)} that cannot be recovered: the archive has not all of them"
    )


def _check_loss(broken: Sequence[Resource], order: Order) -> None:
    if broken and not order.accept_loss:
        names = _listed([one.resource_id for one in broken])
        raise Conflict(
            f"the records are made again from the archive, which has not all of {names}; "
            "repeat with accept_loss=true to go on without what it lacks"
        )


def _with_build(dataset: Dataset, order: Order, history: bool, recovers: str = "") -> Dataset:
    design = Design(
        processors=processors_of(dataset), fields=stack_of(dataset), history=history, recovers=recovers
    )
    return with_build(dataset, design, uid=order.uid, now_us=order.now_us)


def _settled(dataset: Dataset) -> Dataset:
    """Return the dataset as its build would have left it, the records aside."""
    build = dataset.build
    if build is None or build.state is BuildState.SETTLING:
        return replace(dataset, build=None)
    return replace(
        dataset,
        processors=build.processors,
        fields=build.fields,
        history=build.history,
        draft=None,
        draft_processors=None,
        build=None,
    )


def _emptied(dataset: Dataset) -> Dataset:
    generation = dataset.last_generation + 1
    return replace(dataset, generation=generation, last_generation=generation)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
