"""When does a change of the configuration count?  Pure: at once, or with the next publication.

What only readers see counts at once. What would store records otherwise (domain/reindex.py) waits on a
published dataset as its *draft*: the whole list as it will be, of processors and of the steps of the field
configuration each. Publishing then makes the records again.
"""

from collections.abc import Callable
from dataclasses import replace

from gateway.admin.states import check_configurable
from headwater.domain.datasets import Dataset, FieldItem, ProcessorItem
from headwater.domain.errors import InvalidDocument, NotFound
from headwater.domain.fields import configure
from headwater.domain.reindex import breaks, is_breaking
from headwater.domain.schema import MAX_FIELDS, Schema

MAX_ITEMS = 2_000
MAX_PROCESSORS = 200

Stack = tuple[FieldItem, ...]
Processors = tuple[ProcessorItem, ...]
Edit = Callable[[Dataset], Dataset]


def stack_of(dataset: Dataset) -> Stack:
    """Return the stack that people see and change: the draft, if there is one."""
    return dataset.fields if dataset.draft is None else dataset.draft


def processors_of(dataset: Dataset) -> Processors:
    """Return the processors that people see and change: the draft, if there is one."""
    return dataset.processors if dataset.draft_processors is None else dataset.draft_processors


def with_processors(dataset: Dataset, processors: Processors, seen: Schema, *, came: bool = True) -> Dataset:
    """Return the dataset with other processors, in force or as its draft.

    `came` tells whether anything may have come in that the present stack let nobody see.
    Raises InvalidStatus while a build goes on, InvalidDocument when they are too many.
    """
    if processors == processors_of(dataset):
        return dataset
    check_configurable(dataset)
    if len(processors) > MAX_PROCESSORS:
        raise InvalidDocument("processors", f"a stack has at most {MAX_PROCESSORS} processors")
    if dataset.published and is_breaking(dataset, replace(dataset, processors=processors), seen, came=came):
        return replace(dataset, draft_processors=processors)
    return replace(dataset, processors=processors, draft_processors=None)


def processor_of(dataset: Dataset, uid: str) -> ProcessorItem:
    """Return the processor with this uid. Raises NotFound."""
    for item in processors_of(dataset):
        if item.uid == uid:
            return item
    raise NotFound(f"dataset {dataset.uid} has no processor {uid!r}")


def with_stack(dataset: Dataset, stack: Stack, seen: Schema) -> Dataset:
    """Return the dataset with another stack, in force or as its draft.

    Raises InvalidStatus while a build goes on, InvalidDocument for a stack that is too long.
    """
    check_configurable(dataset)
    if len(stack) > MAX_ITEMS:
        raise InvalidDocument("fields", f"a dataset has at most {MAX_ITEMS} steps of configuration")
    if dataset.published and breaks(dataset, stack, seen):
        return replace(dataset, draft=stack)
    waits = dataset.draft is not None and not breaks(dataset, dataset.draft, seen)
    return replace(dataset, fields=stack, draft=stack if waits else None)


def with_bootstrap(old: Dataset, new: Dataset, seen: Schema) -> Dataset:
    """Return `new`, whose resources declare other fields than `old`, ready to be made again if it must be.

    Records that come in go by the new declarations at once; a draft, also one that equals the stack in force,
    says that those before wait for the next publication. Raises InvalidStatus while a build goes on.
    """
    if not (old.published and is_breaking(old, new, seen)):
        return new
    check_configurable(old)
    return replace(new, draft=stack_of(new))


def item_of(dataset: Dataset, uid: str) -> FieldItem:
    """Return the item of the field configuration with this uid. Raises NotFound."""
    for item in stack_of(dataset):
        if item.uid == uid:
            return item
    raise NotFound(f"dataset {dataset.uid} has no field item {uid!r}")


def with_item(dataset: Dataset, item: FieldItem, seen: Schema) -> Dataset:
    """Return the dataset with one more step at the end of its field configuration."""
    stack = (*stack_of(dataset), item)
    return with_stack(dataset, checked(dataset, stack, item.type, seen), seen)


def with_changed_item(dataset: Dataset, item: FieldItem, seen: Schema) -> Dataset:
    """Return the dataset with one step replaced in its place. Raises NotFound."""
    old = item_of(dataset, item.uid)
    stack = tuple(item if one is old else one for one in stack_of(dataset))
    return with_stack(dataset, checked(dataset, stack, item.type, seen), seen)


def without_item(dataset: Dataset, uid: str, seen: Schema) -> Dataset:
    """Return the dataset without one step of its field configuration. Raises NotFound, InvalidDocument."""
    gone = item_of(dataset, uid)
    stack = tuple(one for one in stack_of(dataset) if one is not gone)
    return with_stack(dataset, checked(dataset, stack, "", seen), seen)


def checked(dataset: Dataset, stack: Stack, kind: str, seen: Schema) -> Stack:
    """Return the stack if its fields have one name each and are not too many; `kind` of item was changed.

    Raises InvalidDocument.
    """
    names = [one.name for one in configure(replace(dataset, fields=stack), seen).fields]
    if len(names) > MAX_FIELDS:
        raise InvalidDocument("field", f"a dataset has at most {MAX_FIELDS} fields")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        place = "to_name" if kind == "rename" else "field"
        raise InvalidDocument(place, f"two fields would be named {twice!r}; choose another name")
    return stack
