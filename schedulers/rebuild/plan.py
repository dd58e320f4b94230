"""What goes into the new generation, and how does the dataset's document change on the way?  Pure.

A build goes QUEUED -> FILLING -> SETTLING -> gone. It may be gone at any moment before SETTLING, when its
owner aborts it or the dataset is unpublished; from SETTLING on, readers see the new generation already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from headwater.domain.datasets import Build, BuildState, Dataset, Resource
from headwater.domain.errors import HeadwaterError
from headwater.domain.reindex import does

MAX_COUNT = 1 << 20  # records in one raw message, at most; each has the next version


class Abandoned(HeadwaterError):
    """The build is not there any more: aborted, or its dataset was unpublished, emptied or deleted."""


class StartOver(HeadwaterError):
    """What this attempt has seen is no longer so; the next one begins from what is so now."""


class BuildFailed(HeadwaterError):
    """The build can never succeed; the sentence is for the dataset's owner."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the messages of one build need, and which of them belong into it.

    Floors are versions: records below are of an earlier life of the dataset, or their owner deleted them.
    """

    dataset_id: str
    generation: int
    revision: int  # which the processors must know to know the build
    since: int
    recovered: Resource | None  # the one of which all lives count
    archives: Mapping[str, int]  # resource id -> floor of what is taken from the archive
    unarchived: tuple[str, ...]  # resource ids without recovery: an old archive is not all that they hold
    copies: bool  # whether their present rows are copied

    @classmethod
    def of(cls, dataset: Dataset, build: Build) -> Self:
        recovered = next((one for one in dataset.resources if one.uid == build.recovers), None)
        archives = {
            one.resource_id: one.archived_since
            if one is recovered
            else max(one.archived_since, one.held_since, dataset.since_version)
            for one in dataset.resources
            if one.recovers or one is recovered
        }
        # Rows may be taken as they are only where the new configuration would make the same of them.
        same = bool(build.recovers) or (
            build.fields == dataset.fields and does(build.processors) == does(dataset.processors)
        )
        unarchived = [one.resource_id for one in dataset.resources if one.resource_id not in archives]
        return cls(
            dataset_id=dataset.dataset_id,
            generation=build.generation,
            revision=dataset.revision,
            since=dataset.since_version,
            recovered=recovered,
            archives=archives,
            unarchived=tuple(unarchived),
            copies=same,
        )

    def archive_floor(self, resource_id: str) -> int | None:
        """Return the least version that is replayed from the archive of a resource; None: nothing is.

        A resource that was deleted has left its records behind, which still belong to the dataset.
        """
        return None if resource_id in self.unarchived else self.archives.get(resource_id, self.since)

    def live_floor(self, resource_id: str) -> int:
        """Return the least version that is replayed from the log for a resource.

        What was deleted from its archive is still the dataset's, unless it is of an earlier life.
        """
        recovered = self.recovered
        if recovered is not None and resource_id == recovered.resource_id:
            return recovered.archived_since
        return self.since

    @property
    def archive_from(self) -> tuple[int, int, int] | None:
        """The place in the archive after which to begin: no earlier message has a record that counts."""
        first = min([self.since, *self.archives.values()]) - MAX_COUNT
        return (first, 0, 0) if first > 0 else None


def filling(dataset: Dataset) -> Dataset:
    """Return the document of a dataset whose build somebody works on."""
    build = dataset.build
    if build is None or build.state is not BuildState.QUEUED:
        return dataset
    return replace(dataset, build=replace(build, state=BuildState.FILLING))


def switched(dataset: Dataset, positions: Mapping[int, int], *, merged: bool) -> Dataset:
    """Return the document under which readers see the new generation.

    `positions` (raw partition -> offset) say where the log has to be followed from, should another go on;
    `merged` says that patches were replayed. Raises StartOver when somebody has switched already.
    """
    build = dataset.build
    if build is None or build.state is not BuildState.FILLING:
        raise StartOver(f"the build of dataset {dataset.uid} is not being filled any more")
    settling = replace(
        build,
        state=BuildState.SETTLING,
        positions={str(partition): offset for partition, offset in positions.items()},
    )
    archives = Plan.of(dataset, build).archives
    return replace(
        dataset,
        generation=build.generation,
        resources=tuple(
            replace(one, held_since=archives.get(one.resource_id, one.held_since))
            for one in dataset.resources
        ),
        processors=build.processors,
        fields=build.fields,
        history=build.history,
        draft=None,
        draft_processors=None,
        since_version=0 if build.recovers else dataset.since_version,
        patched=dataset.patched or merged,
        build=settling,
        failure="",
    )


def settled(dataset: Dataset) -> Dataset:
    """Return the document of a dataset whose build is complete."""
    return replace(dataset, build=None)


def failed(dataset: Dataset, why: str) -> Dataset:
    """Return the document of a dataset whose build is given up; readers keep the generation they see."""
    if dataset.build is None or dataset.build.state is BuildState.SETTLING:
        return dataset
    return replace(dataset, build=None, failure=why)


def check(dataset: Dataset | None, build: Build, *, switched: bool) -> Dataset:
    """Return the dataset while the build is to go on.

    Before the switch: the build is there, still being filled, and the dataset published. After it: readers
    still see its generation, whatever became of the document. Raises Abandoned, StartOver, BuildFailed.
    """
    if dataset is None:
        raise Abandoned("the dataset was deleted")
    if switched:
        if dataset.generation != build.generation:
            raise Abandoned("another generation has taken the place of this one")
        return dataset
    if dataset.build is None or dataset.build.uid != build.uid:
        raise Abandoned("the build was aborted")
    if dataset.build.state is BuildState.SETTLING:
        raise StartOver("somebody else has switched to the new generation already")
    if not dataset.published:
        raise BuildFailed("The dataset was unpublished before its records were processed anew.")
    if build.generation <= dataset.generation:
        raise BuildFailed("The dataset was emptied before its records were processed anew.")
    return dataset
