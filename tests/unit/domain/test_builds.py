"""A build that is asked for leaves everything else of the document as it is."""

from dataclasses import replace

from headwater.domain.builds import Design, with_build
from headwater.domain.datasets import Dataset, FieldItem, ProcessorItem

ITEM = FieldItem(uid="df_1", type="annotate", params={"field": "a", "annotation": "id"})
STEP = ProcessorItem(uid="pr_1", type="add_field", label="", params={"field": "b"})
DATASET = Dataset(
    uid="da_1",
    dataset_id="one",
    title="One",
    generation=3,
    last_generation=5,
    fields=(ITEM,),
    processors=(STEP,),
    history=True,
    draft=(),
    draft_processors=(),
    failure="before",
)


def test_build_gets_a_generation_that_nobody_had():
    """Also none that was given up; what is in force makes the records, not the draft."""
    built = with_build(DATASET, Design.in_force(DATASET), uid="bu_1", now_us=7)

    build = built.build
    assert (build.uid, build.generation, build.requested_at_us) == ("bu_1", 6, 7)
    assert (build.processors, build.fields, build.history, build.recovers) == ((STEP,), (ITEM,), True, "")
    assert replace(built, build=None, last_generation=5, failure="before") == DATASET
