"""Settings: every problem at once, no secret ever shown, typing errors noticed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from headwater.domain.errors import SettingsError
from headwater.runtime.settings import (
    NO_SECRET,
    REQUIRED,
    KafkaSettings,
    Secret,
    check_range,
    check_ranges,
    describe,
    load,
    setting,
    unknown_variables,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    env_prefix: ClassVar[str] = "INNER"

    host: str = setting("localhost", "where it is")
    port: int = setting(80, "its port", low=1, high=65_535)

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    env_prefix: ClassVar[str] = "OUTER"

    inner: Inner = field(default_factory=Inner)
    key: Secret = setting(REQUIRED, "the key", variable="HEADWATER_KEY")
    age_s: float = setting(1.5, "seconds", low=0.1)
    eager: bool = setting(False, "whether to hurry")
    colour: Literal["red", "blue"] = setting("red", "a colour")
    home: Path = setting(Path("/tmp"), "a directory")  # noqa: S108
    names: tuple[str, ...] = setting((), "names")
    low: int = setting(1, "lower bound")
    high: int = setting(2, "upper bound")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.low > self.high:
            raise ValueError("HEADWATER_OUTER_LOW must not be above HEADWATER_OUTER_HIGH")
        check_range(self, "high", None, 100)


KEY = {"HEADWATER_KEY": "k"}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """Return the sentences with which these variables are refused."""
    with pytest.raises(SettingsError) as caught:
        load(Outer, environ)
    return caught.value.problems


def test_each_field_is_read_from_its_own_variable():
    """Class prefix and field name make the variable; nested classes bring their own prefix."""
    settings = load(
        Outer,
        {
            "HEADWATER_KEY": "open sesame",
            "HEADWATER_INNER_HOST": "example.org",
            "HEADWATER_INNER_PORT": "8080",
            "HEADWATER_OUTER_AGE_S": "0.25",
            "HEADWATER_OUTER_EAGER": "yes",
            "HEADWATER_OUTER_COLOUR": "blue",
            "HEADWATER_OUTER_HOME": "/srv",
            "HEADWATER_OUTER_NAMES": "a, b,",
        },
    )

    assert settings == Outer(
        inner=Inner(host="example.org", port=8080),
        key=Secret("open sesame"),
        age_s=0.25,
        eager=True,
        colour="blue",
        home=Path("/srv"),
        names=("a", "b"),
    )


def test_nothing_set_gives_the_defaults():
    """The environment may be empty where nothing is required."""
    assert load(KafkaSettings, {}) == KafkaSettings()


def test_every_bad_variable_is_reported_at_once():
    """An operator mends all of them in one round."""
    assert problems(
        {
            "HEADWATER_INNER_PORT": "eighty",
            "HEADWATER_OUTER_AGE_S": "0.01",
            "HEADWATER_OUTER_EAGER": "perhaps",
            "HEADWATER_OUTER_COLOUR": "green",
        }
    ) == (
        "HEADWATER_INNER_PORT is eighty; expected a whole number, 1 to 65,535",
        "HEADWATER_KEY is not set; expected the key",
        "HEADWATER_OUTER_AGE_S is 0.01; expected a number, at least 0.1",
        "HEADWATER_OUTER_EAGER is perhaps; expected true or false",
        "HEADWATER_OUTER_COLOUR is green; expected red or blue",
    )


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "", "1,5"])
def test_a_number_must_be_finite_and_written_plainly(number):
    """A deadline of infinity or of nothing is a typing error."""
    (problem,) = problems({**KEY, "HEADWATER_OUTER_AGE_S": number})

    assert problem.startswith(f"HEADWATER_OUTER_AGE_S is {number or 'empty'}; ")


def test_a_rule_between_two_fields_is_reported_too():
    """What `__post_init__` refuses reaches the operator as its own sentence."""
    assert problems({**KEY, "HEADWATER_OUTER_LOW": "9"}) == (
        "HEADWATER_OUTER_LOW must not be above HEADWATER_OUTER_HIGH",
    )


def test_a_range_checked_only_in_post_init_names_its_variable():
    """`check_range` speaks of the variable, not of the field."""
    assert problems({**KEY, "HEADWATER_OUTER_HIGH": "101"}) == (
        "HEADWATER_OUTER_HIGH is 101; expected at most 100",
    )


def test_a_secret_is_never_shown():
    """Neither in the repr of the settings, nor in a problem, nor in the documentation."""
    settings = load(Outer, {"HEADWATER_KEY": "open sesame"})

    assert "sesame" not in repr(settings)
    assert settings.key == "open sesame"
    assert repr(NO_SECRET) == "***"


def test_settings_made_in_code_obey_the_same_ranges():
    """A test or a program that constructs settings gets the sentence as a ValueError."""
    with pytest.raises(ValueError, match="HEADWATER_INNER_PORT is 0; expected 1 to 65,535"):
        Inner(port=0)


def test_a_misspelt_variable_is_noticed():
    """Setting nothing at all in silence would be the worst answer."""
    assert unknown_variables(Outer, {"HEADWATER_INNER_PROT": "1", "PATH": "/bin"}) == [
        "HEADWATER_INNER_PROT is not a setting and has no effect; did you mean HEADWATER_INNER_PORT?"
    ]


def test_variables_of_other_services_are_not_misspelt():
    """A whole installation may share one environment; only scopes that this service reads are checked."""
    environ = {"HEADWATER_GATEWAY_ANYTHING": "1", "HEADWATER_KAFKA_BOOTSTRP": "x"}

    assert unknown_variables(Outer, environ) == []
    assert len(unknown_variables(KafkaSettings, environ)) == 1


def test_the_description_says_variable_type_range_default_and_meaning():
    """docs/configuration.md is made of these lines."""
    lines = {line.variable: tuple(line)[1:] for line in describe(Outer)}

    assert lines["HEADWATER_INNER_PORT"] == ("a whole number, 1 to 65,535", "80", "its port")
    assert lines["HEADWATER_KEY"] == ("secret text", "required", "the key")
    assert lines["HEADWATER_OUTER_EAGER"] == ("true or false", "false", "whether to hurry")
