"""The rule of documents: one winner, one owner of a name, and the same answer for every reader."""

from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.datasets import Dataset, decode_dataset, encode_dataset
from headwater.domain.document_log import DocumentLog, Kind, Line, Verdict

DATASETS = Kind(
    noun="dataset",
    key=lambda dataset: dataset.uid,
    name=lambda dataset: dataset.dataset_id,
    name_noun="dataset_id",
    revised=lambda dataset, revision: replace(dataset, revision=revision),
    encode=encode_dataset,
    decode=decode_dataset,
)


def dataset(uid="da_a", dataset_id="a", title="A", revision=1):
    return Dataset(uid=uid, dataset_id=dataset_id, title=title, revision=revision)


def line(uid="da_a", dataset_id="a", title="A", base=0):
    return Line(uid, base, dataset(uid, dataset_id, title, base + 1))


def after(*lines):
    log = DocumentLog(DATASETS)
    for one in lines:
        log.apply(one)
    return log


def test_first_line_with_the_right_base_wins():
    """Of two changes made from one revision, the first on the log counts."""
    log = after(line(), line(title="first", base=1))
    outcome = log.apply(line(title="second", base=1))
    assert outcome.verdict is Verdict.LOSES
    assert "present one is 2" in outcome.objection
    assert log.get("da_a").title == "first"


def test_dataset_id_belongs_to_the_first_live_dataset_that_took_it():
    """Another dataset can neither be created under a taken name nor be renamed to it."""
    log = after(line(), line(uid="da_b", dataset_id="b"))
    created = log.apply(line(uid="da_c", dataset_id="a"))
    renamed = log.apply(line(uid="da_b", dataset_id="a", base=1))
    assert [created.verdict, renamed.verdict] == [Verdict.LOSES, Verdict.LOSES]
    assert log.find("a").uid == "da_a"
    assert log.find("b").uid == "da_b"
    assert log.get("da_c") is None


def test_rename_frees_the_old_name():
    """After a change of dataset_id the old one can be taken."""
    log = after(line(), line(dataset_id="z", base=1), line(uid="da_b", dataset_id="a"))
    assert (log.find("z").uid, log.find("a").uid) == ("da_a", "da_b")


def test_deletion_frees_the_name_and_keeps_the_uid_deleted():
    """A late change of a deleted dataset does not bring it back."""
    log = after(line(), Line("da_a", 1, None))
    late = log.apply(line(title="late", base=1))
    assert late.verdict is Verdict.LOSES
    assert "deleted" in late.objection
    assert log.apply(line(uid="da_b", dataset_id="a")).verdict is Verdict.WINS


def test_outcome_tells_old_and_new():
    """Subscribers need both sides of a change."""
    log = after(line())
    changed = log.apply(line(title="B", base=1))
    gone = log.apply(Line("da_a", 2, None))
    assert (changed.old.title, changed.new.title) == ("A", "B")
    assert (gone.old.title, gone.new) == ("B", None)


def test_dispute_is_settled_by_repeating_what_counts():
    """A losing last line is a dispute; the settlement changes nothing and ends it."""
    log = after(line(), line(title="first", base=1), line(title="second", base=1))
    assert log.disputed == {"da_a"}
    outcome = log.apply(log.settlement("da_a"))
    assert outcome.verdict is Verdict.REPEATS
    assert not log.disputed
    assert log.get("da_a").title == "first"


def test_settlement_of_a_lost_creation_is_a_deletion():
    """What counts of a dataset that never came to be is nothing."""
    log = after(line(), line(uid="da_b", dataset_id="a"))
    settlement = log.settlement("da_b")
    assert settlement == Line("da_b", 0, None)
    assert log.apply(settlement).verdict is Verdict.REPEATS
    assert not log.disputed


def test_late_reader_accepts_any_base_of_a_uid_that_it_never_saw():
    """Compaction removed the earlier lines."""
    log = after(line(title="kept", base=41))
    assert log.get("da_a").revision == 42


def test_all_is_ordered_by_dataset_id_and_follows_changes():
    """Lists of datasets are stable."""
    log = after(line(uid="da_1", dataset_id="c"), line(uid="da_2", dataset_id="a"))
    assert [one.dataset_id for one in log.all()] == ["a", "c"]
    log.apply(line(uid="da_3", dataset_id="b"))
    assert [one.dataset_id for one in log.all()] == ["a", "b", "c"]


@dataclass
class Writer:
    """A process: what it has read so far, and its lines that it has sent."""

    log: DocumentLog = field(default_factory=lambda: DocumentLog(DATASETS))
    read: int = 0

    def catch_up(self, lines, count):
        for one in lines[self.read : self.read + count]:
            self.log.apply(one)
        self.read = min(len(lines), self.read + count)

    def change(self, uid, dataset_id, title):
        present = self.log.get(uid)
        base = 0 if present is None else present.revision
        if dataset_id is None:
            return Line(uid, base, None)
        return Line(uid, base, Dataset(uid=uid, dataset_id=dataset_id, title=title, revision=base + 1))


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),  # writer
        st.integers(0, 6),  # how many lines it reads before it acts
        st.sampled_from(["da_1", "da_2", "da_3"]),
        st.sampled_from(["x", "y", None]),  # None: delete
        st.booleans(),  # settle instead, if there is a dispute
    ),
    max_size=30,
)


def history(steps):
    """Return a log that three writers, each behind by some lines, made together; disputes settled."""
    lines, writers = [], [Writer(), Writer(), Writer()]
    for number, (who, count, uid, dataset_id, settles) in enumerate(steps):
        writer = writers[who]
        writer.catch_up(lines, count)
        if settles and uid in writer.log.disputed:
            lines.append(writer.log.settlement(uid))
        else:
            lines.append(writer.change(uid, dataset_id, f"title {number}"))
    full = after(*lines)
    return lines + [full.settlement(uid) for uid in sorted(full.disputed)]


def compacted(lines):
    """Return what compaction leaves of a part of the log: the last line of each uid."""
    last = {one.key: position for position, one in enumerate(lines)}
    return [one for position, one in enumerate(lines) if last[one.key] == position]


@given(STEPS, st.integers(0, 40))
def test_reader_after_compaction_agrees_with_one_who_read_everything(steps, cut):
    """Wherever no dispute is open, the last lines tell the same as the whole log."""
    lines = history(steps)
    cut = min(cut, len(lines))
    if after(*lines[:cut]).disputed:
        cut = len(lines)
    early, late = after(*lines), after(*compacted(lines[:cut]), *lines[cut:])
    assert early.all() == late.all()
    assert not early.disputed


@given(STEPS)
def test_names_are_unique_and_revisions_grow_by_one(steps):
    """Every dataset_id has one owner, and no change is built on anything but the present revision."""
    log = DocumentLog(DATASETS)
    for one in history(steps):
        before = log.get(one.key)
        outcome = log.apply(one)
        names = [each.dataset_id for each in log.all()]
        assert len(names) == len(set(names))
        if outcome.verdict is Verdict.WINS and outcome.new is not None:
            assert outcome.new.revision == (before.revision if before else 0) + 1
        if outcome.verdict is not Verdict.WINS:
            assert log.get(one.key) == before


@given(STEPS)
def test_deleted_datasets_never_return(steps):
    """A uid that was deleted is never live again."""
    log, gone = DocumentLog(DATASETS), set()
    for one in history(steps):
        outcome = log.apply(one)
        if outcome.verdict is Verdict.WINS and outcome.new is None:
            gone.add(one.key)
        assert not gone & {each.uid for each in log.all()}


def test_settlement_that_comes_too_late_disputes_again():
    """A repeat of what counted before a newer change loses, so somebody settles once more."""
    log = after(line(), line(title="lost", base=0))
    slow = log.settlement("da_a")
    log.apply(line(title="newer", base=1))
    assert log.apply(slow).verdict is Verdict.LOSES
    assert log.settlement("da_a").document == replace(dataset(title="newer"), revision=2)
