"""What is asked of a geocoder: the same question for the same address, and never an exception."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domain.errors import InvalidDocument
from processors.stack.geocoders import (
    LANGUAGES,
    GeocodeWithAny,
    GeocodeWithArcGis,
    GeocodeWithBan,
    GeocodeWithCensusBureau,
    GeocodeWithPdok,
    GetCoordinatesFromThreeWordAddress,
    NominatimGeocoder,
    What3Words,
)
from processors.stack.geocoding_answers import (
    MAX_PART,
    Away,
    Found,
    FoundWords,
    NotFound,
    Question,
    Refused,
    answer_from_json,
    answer_to_json,
    folded,
)
from processors.stack.outcomes import Failed, Waiting

ALL = [
    GeocodeWithAny(address="a", postal_code="b", output_field="p"),
    GeocodeWithArcGis(address="a", city="b", output_field="p"),
    GeocodeWithBan(address="a", insee_code="b", output_field="p"),
    GeocodeWithCensusBureau(street_address="a", zip="b", output_field="p"),
    GeocodeWithPdok(address="a", output_field="p"),
    NominatimGeocoder(address="a", postal_code="b", output_field="p"),
    GetCoordinatesFromThreeWordAddress(three_word_address="a", output_field="p"),
    What3Words(coordinates="a", output_field="p"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, "x" * 10_000, "\ud800", "\0", "1,\ud800", "{" * 50])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ANSWERS = st.sampled_from(
    [Found(1, 2), FoundWords("a.b.c"), NotFound(), Away("ban", "down"), Refused("no"), None]
)


def asked(processor, **record):
    (question,) = processor.compiled().ask([record])
    return question


@pytest.mark.parametrize("processor", ALL, ids=lambda one: type(one).__name__)
@given(first=VALUES, second=VALUES, answer=ANSWERS)
def test_no_value_makes_a_step_raise(processor, first, second, answer):
    """A record of any values is asked for or not; its outcome is itself, a failure or waiting."""
    step = processor.compiled()
    record = {"a": first, "b": second}

    (question,) = step.ask([record])
    (outcome,) = step.tell([record], [1], [answer if question else None])

    assert outcome is record or isinstance(outcome, (Failed, Waiting))
    assert record["a"] is first
    if question is not None:
        assert len(question.key) == 40
        assert all(len(text) <= MAX_PART + 5 for _, text in question.parts)


@given(st.text(max_size=MAX_PART))
def test_folding_a_text_twice_changes_nothing_more(text):
    """And what is folded can be sent and kept: no control characters, no half characters."""
    try:
        once = folded(text)
        assert folded(once) == once
    except ValueError:
        return
    assert once == once.strip()
    assert "  " not in once
    orjson.dumps(once)


@pytest.mark.parametrize("text", ["Rue de la Paix 1", "  rue  de la\tPAIX 1 ", "RUE\u00a0DE LA PAIX\n1"])
def test_one_address_in_several_spellings_is_one_question(text):
    """Case and space do not make another place."""
    assert asked(GeocodeWithPdok(address="a", output_field="p"), a=text) == Question(
        "pdok", (("address", "rue de la paix 1"),)
    )


def test_composed_and_decomposed_letters_are_the_same():
    """An address from a Mac is the one from elsewhere."""
    assert folded("Zu\u0308rich") == folded("Z\u00fcrich")


def test_empty_parts_are_no_parts():
    """A missing city and an empty one ask the same."""
    ban = GeocodeWithBan(address="a", city="c", output_field="p")

    assert asked(ban, a="x", c="") == asked(ban, a="x") == Question("ban", (("address", "x"),))


@pytest.mark.parametrize(
    ("processor", "record", "expected"),
    [
        (GeocodeWithBan(address="a", postal_code="b", output_field="p"), {"b": 1000}, "01000"),
        (GeocodeWithBan(address="a", insee_code="b", output_field="p"), {"b": "2A004"}, "2a004"),
        (GeocodeWithCensusBureau(street_address="a", zip="b", output_field="p"), {"b": 2139.0}, "02139"),
        (GeocodeWithArcGis(address="a", postal_code="b", output_field="p"), {"b": 1000}, "1000"),
    ],
)
def test_codes_of_five_digits_get_their_zeros_back(processor, record, expected):
    """A code that came as a number lost them; other countries have shorter ones."""
    assert asked(processor, a="x", **record).parts[-1][1] == expected


def test_questions_in_two_languages_are_two():
    """The words of one square differ."""
    one, other = (
        asked(What3Words(coordinates="a", language=language), a="1,2")
        for language in LANGUAGES
        if language in ("English", "French")
    )

    assert one != other
    assert one.key != other.key


def test_positions_are_rounded_and_zero_has_no_sign():
    """A tenth of a metre is no other square."""
    words = What3Words(coordinates="a")

    assert asked(words, a="-0.00000001,2.00000001") == asked(words, a=[0, 2])


def test_what_is_missing_is_told_when_a_processor_is_saved():
    """The type is to blame, as no parameter could mend it."""

    class Bare:
        def remote_fields(self, _):
            return None

        def missing_plugin(self, provider):
            return f"no {provider} here" if provider == "what3words" else ""

    for processor in ALL[:-2]:
        processor.check(Bare())
    for processor in ALL[-2:]:
        with pytest.raises(InvalidDocument, match="no what3words here") as caught:
            processor.check(Bare())
        assert caught.value.field == "type"


@pytest.mark.parametrize("answer", [Found(1.5, -2.25), FoundWords("a.b.c"), NotFound()])
def test_lasting_answers_survive_the_cache(answer):
    """JSON and back."""
    assert answer_from_json(orjson.loads(orjson.dumps(answer_to_json(answer)))) == answer


@pytest.mark.parametrize("document", [None, [], {"lat": 1}, {"lat": "1", "lon": 2}, {"lat": 91, "lon": 0}, 7])
def test_what_is_no_answer_is_refused(document):
    """Another version may have kept something else."""
    with pytest.raises(ValueError, match=r"answer|range"):
        answer_from_json(document)
