"""What is said about a run?"""

from benchmarks.report import rows


def test_a_figure_says_how_much_better_and_whether_the_aim_is_reached():
    """The ratio is above one when Headwater is better, for rates and for durations alike."""
    headwater = {"a": {"searchable_per_s": 150_000}, "c": {"searchable": {"p95_ms": 130.0}}}
    stock = {"a": {"searchable_per_s": 75_000}, "c": {"searchable": {"p95_ms": 1_040.0}}}

    batches, freshness = rows({"headwater": headwater, "stock": stock})

    assert batches[2:] == ("150,000", "75,000", "2.0 x", ">= 100,000 reached")
    assert freshness[2:] == ("130", "1,040", "8.0 x", "<= 120 MISSED")


def test_what_was_not_measured_is_left_out():
    """A run of some measures has a table of some lines, without zeros."""
    (only,) = rows({"headwater": {"start": {"ready_s": 5.4}}})

    assert only[2:] == ("5.4", "", "", "<= 15 reached")


def test_a_measure_can_have_a_peer_of_its_own():
    """What the stock stack does not do is compared with somebody who does."""
    ours, theirs = (
        {"f": {"kafka": {"searchable_per_s": 30_000}}},
        {"f": {"kafka": {"searchable_per_s": 20_000}}},
    )

    (only,) = rows({"headwater": ours, "stock": {}, "quix": theirs})

    assert only[2:5] == ("30,000", "20,000", "1.5 x")
