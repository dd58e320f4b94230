"""What may be built, and what would be lost by it?  Pure; for whoever asks for a further generation."""

from dataclasses import dataclass, replace

from headwater.domain.datasets import Build, Dataset, FieldItem, ProcessorItem, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What the records are made by: the stack, the field configuration, and whether versions are kept."""

    processors: tuple[ProcessorItem, ...]
    fields: tuple[FieldItem, ...]
    history: bool
    recovers: str = ""  # resource uid (domain/datasets.py: Build)

    @classmethod
    def in_force(cls, dataset: Dataset) -> "Design":
        """Return that by which records are made now: a build of it changes only what they depend on."""
        return cls(processors=dataset.processors, fields=dataset.fields, history=dataset.history)


def with_build(dataset: Dataset, design: Design, *, uid: str, now_us: int) -> Dataset:
    """Return the dataset with a build that nobody works on yet, called `uid` (bu_...)."""
    generation = dataset.last_generation + 1
    build = Build(
        uid=uid,
        generation=generation,
        processors=design.processors,
        fields=design.fields,
        history=design.history,
        recovers=design.recovers,
        requested_at_us=now_us,
    )
    return replace(dataset, build=build, last_generation=generation, failure="")


def is_whole(dataset: Dataset, resource: Resource) -> bool:
    """Tell whether all that a dataset holds of a resource can be made again from its archive."""
    return (
        resource.recovers
        and resource.params.get("recovery_retention_days") is None
        and max(resource.archived_since, resource.unbroken_since)
        <= max(dataset.since_version, resource.held_since)
    )
