"""May this stack be saved?  Each processor for itself, and in its place: what it reads must exist."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from headwater.domain.errors import InvalidDocument
from processors.stack.parsing import parse_processor
from processors.stack.processor import ParameterKind, Processor, Surroundings
from processors.stack.registry import kind_of

MAX_LABEL = 255
MAX_NAMED = 20  # fields that a sentence lists


def checked(
    documents: Sequence[Mapping[str, Any]],
    places: Collection[int],
    known: Collection[str],
    surroundings: Surroundings,
) -> list[dict[str, Any]]:
    """Return the checked ones among the processors of a stack, as they are to be kept.

    `known` are the fields of the dataset; while it has none, any field may be named. `reads` of an answer are
    the ids of other datasets whose records get into this one. Raises InvalidDocument with the parameter to
    blame, behind `processors[i].` where several are checked.
    """
    fields = set(known)
    is_open = not fields
    found = []
    for place, document in enumerate(documents):
        wanted = place in places
        try:
            processor, kept = parsed(document)
            if wanted:
                processor.check(surroundings)
                if not is_open:
                    _check_inputs(processor, fields)
                found.append(kept)
        except InvalidDocument as error:
            if not wanted:
                is_open = True  # what was saved once may be wrong by now; it does not stand in the way
                continue
            if len(places) == 1:
                raise
            name, sentence = error.field, str(error).removeprefix(f"{error.field}: ")
            raise InvalidDocument(f"processors[{place}].{name}", sentence) from error
        outputs = processor.outputs()
        is_open = is_open or outputs is None
        fields.update(outputs or ())
    return found


def parsed(document: Mapping[str, Any]) -> tuple[Processor, dict[str, Any]]:
    """Return a processor and its document with the published names. Raises InvalidDocument."""
    given = {name: value for name, value in document.items() if name not in ("uid", "type", "label")}
    label = document.get("label") or ""
    if not isinstance(label, str) or len(label) > MAX_LABEL:
        raise InvalidDocument("label", f"expected a text of at most {MAX_LABEL} characters")
    kind = kind_of(document.get("type"))
    processor = parse_processor(kind, given)
    params = {kind.renamed.get(name, name): value for name, value in given.items() if value is not None}
    reads = [params.get(one.name) for one in kind.parameters if one.kind is ParameterKind.DATASET]
    return processor, {"type": kind.type, "label": label or kind.label, "params": params, "reads": reads}


def _check_inputs(processor: Processor, fields: Collection[str]) -> None:
    for name, field in processor.inputs():
        if field not in fields:
            listed = sorted(fields)
            shown = ", ".join(listed[:MAX_NAMED]) + (", ..." if len(listed) > MAX_NAMED else "")
            raise InvalidDocument(name, f"the dataset has no field {field!r}; it has: {shown}")
