"""What does this regular expression find?"""

import re
import warnings

import pytest
import regex
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from processors.stack.outcomes import TOO_SLOW
from processors.stack.patterns import (
    MAX_PATTERN,
    MAX_RESULT,
    InvalidPattern,
    TooSlow,
    compile_pattern,
)

ATOMS = [
    *("a", "b", "A", "1", " ", "_", "é", "\u017f", "\u212a", "ß", "İ"),
    *(".", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\n", r"\.", r"\x41"),
    *("[ab]", "[^a]", "[a-cé]", r"[^\W_]", r"[\Wa]", r"[^\Wa]", r"[\s\d]", "[^A-Z]", "[]-]", r"[\^b]"),
    *("^", "$", r"\A", r"\Z", r"\b", r"\B", "(?:)"),
]
REPEATS = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{1,}?"]
WRAPPINGS = [
    *("({})", "(?:{})", "(?={})", "(?!{})", "(?>{})", "(?i:{})", "(?-i:{})", "(?s:{})", "(?m:{})"),
    *("(?<=a){}", r"(?<!\w){}", r"(a)?{}\1", "(b)?{}(?(1)a|b)"),
]


def combined(patterns):
    return st.one_of(
        st.lists(patterns, min_size=2, max_size=3).map("".join),
        st.lists(patterns, min_size=2, max_size=3).map(lambda some: f"(?:{'|'.join(some)})"),
        st.tuples(patterns, st.sampled_from(REPEATS)).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.tuples(patterns, st.sampled_from(WRAPPINGS)).map(lambda pair: pair[1].replace("{}", pair[0], 1)),
    )


PATTERNS = st.recursive(st.sampled_from(ATOMS), combined, max_leaves=6)
TEXTS = st.one_of(
    st.text("aabAB1 \n_.", min_size=1, max_size=8),
    st.text("aabAB1 \n_.éÉß\u017f\u212aKkİ\u0131iI\u0301\x1c\xa0\ud800", min_size=1, max_size=8),
)
FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans())


def python_flags(ignore_case, multiline, dot_all):
    return re.IGNORECASE * ignore_case | re.MULTILINE * multiline | re.DOTALL * dot_all


def ours(text, flags):
    ignore_case, multiline, dot_all = flags
    return compile_pattern(text, ignore_case=ignore_case, multiline=multiline, dot_all=dot_all)


@settings(max_examples=200, deadline=None)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=4), FLAGS)
def test_it_finds_and_replaces_what_python_does(text, samples, flags):
    """Whichever engine does it: the same place, the same groups, the same text afterwards.

    What a pattern that may be empty replaces is told by the table below instead (see the module's price).
    """
    try:
        theirs = re.compile(text, python_flags(*flags))
        may_be_empty = re._parser.parse(text, python_flags(*flags)).getwidth()[0] == 0
    except re.error:
        assume(False)
    pattern = ours(text, flags)

    for sample in samples:
        try:
            expected, replaced = theirs.search(sample), theirs.sub(r"<\g<0>>", sample)
        except SystemError:  # Python's own engine gets lost in a few patterns
            continue
        found = pattern.search(sample)
        groups = None if expected is None else (expected[0], *expected.groups())
        assert groups == (None if found is None else tuple(found[one] for one in range(theirs.groups + 1)))
        assert may_be_empty or pattern.sub(r"<\g<0>>", sample) == replaced


@pytest.mark.parametrize(
    "text", ["x*", "a*", r"\s*", "^", "$", r"\b", "(?=a)", "a?", "(a|b)*", "a|", "", "(a*)b?"]
)
@pytest.mark.parametrize("sample", ["", "a", "ab a", "aab\n", "xaxbx", "é a", "\n"])
def test_patterns_that_may_be_empty_replace_as_in_python(text, sample):
    """Between characters, at both ends, and beside what is not empty."""
    assert compile_pattern(text).sub(r"<\g<0>>", sample) == re.sub(text, r"<\g<0>>", sample)


@settings(max_examples=300, deadline=None)
@given(st.text("ab(|)[]{}?*+\\^$.<>=!:P1,-iwdé# \n", max_size=12))
def test_what_python_refuses_is_refused(text):
    """A pattern is accepted exactly when Python accepts it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(text)
            accepted = True
        except (re.error, OverflowError):
            accepted = False

    if accepted:
        compile_pattern(text)
    else:
        with pytest.raises(InvalidPattern):
            compile_pattern(text)


@settings(max_examples=300, deadline=None)
@given(st.text("\\g<>n10a2x& \n", max_size=10))
def test_a_replacement_means_what_it_means_in_python(new):
    """Templates are expanded and refused as by re.sub."""
    theirs = re.compile(r"(?P<a>\w)(-)?")
    pattern = compile_pattern(theirs.pattern)
    try:
        expected = theirs.sub(new, "x-y z")
    except (re.error, IndexError):
        with pytest.raises(InvalidPattern):
            pattern.replacement(new)
    else:
        assert pattern.sub(new, "x-y z") == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("abc[", "regular expression: unterminated character set at position 3"),
        ("(a", "regular expression: missing ), unterminated subpattern at position 0"),
        (r"(?P<a>x)(?P<a>y)", "redefinition of group name 'a'"),
        (r"(?<=a+)b", "regular expression: look-behind requires fixed-width pattern"),
        (r"\p{L}", r"regular expression: bad escape \p at position 0"),
        ("a{99999999999}", "the repetition number is too large"),
        ("(?L)a", "cannot use 'L' flag"),
        ("a" * (MAX_PATTERN + 1), f"longer than {MAX_PATTERN} characters"),
        ("(" * 900 + ")" * 900, "too many parentheses inside each other"),
        ("(?:(?:(?:a?){1000}){1000}){1000}", "repetitions"),
    ],
)
def test_a_refusal_says_what_and_where(text, sentence):
    """The sentence is for the owner who wrote the pattern."""
    with pytest.raises(InvalidPattern, match=re.escape(sentence)):
        compile_pattern(text)


def test_a_set_that_may_mean_something_else_some_day_is_no_warning():
    """Python warns of [[; an owner's pattern must not fill our logs."""
    assert compile_pattern("[[a]").search("[") is not None


def test_the_names_are_those_of_the_groups_in_their_order():
    """Groups without a name have none."""
    pattern = compile_pattern(r"(?P<b>x)(y)(?P<a>z)?")

    assert pattern.names == ("b", "a")
    assert pattern.search("xy").groupdict() == {"b": "x", "a": None}


@pytest.mark.parametrize("prefix", ["", "é", "\n"])
def test_nested_repetitions_take_linear_time(prefix):
    """What makes a backtracking engine run for ever is nothing to the linear one."""
    text = prefix + "a" * 50_000 + "!"

    assert compile_pattern(r"((a+)+)+b").search(text) is None
    assert compile_pattern(r"(a|aa)+$").search(text) is None
    assert compile_pattern(r"(\w\w*)*c").sub("", text) == text


SLOW = r"(a+)(a+)(a+)(a+)\1c"
SLOW_TEXT = "a" * 2000 + "bc"


@pytest.mark.parametrize("text", [SLOW_TEXT, "é" + SLOW_TEXT])
def test_what_takes_too_long_is_given_up(text):
    """A back reference needs the engine that tries everything; it has a time limit."""
    pattern = compile_pattern(SLOW)

    with pytest.raises(TooSlow) as caught:
        pattern.search(text, patience_s=0.01)
    assert caught.value.code == TOO_SLOW
    with pytest.raises(TooSlow):
        pattern.replace(pattern.replacement(""), text, patience_s=0.01)


def test_many_searches_through_a_long_text_are_given_up():
    """Each search is linear, all of them together are not: this ends as a time-out, not never."""
    pattern = compile_pattern("x.*y|x")

    with pytest.raises(TooSlow):
        pattern.replace(pattern.replacement("-"), "x" * 1_000_000, patience_s=0.01)


@pytest.mark.parametrize("text", ["a" * 200, "é" + "a" * 200])
@pytest.mark.parametrize("pattern", ["a", "a??"])
def test_a_replacement_cannot_make_a_text_of_any_length(pattern, text):
    """A short text and a long new value would fill the memory."""
    with pytest.raises(ValueError, match=f"longer than {MAX_RESULT}"):
        compile_pattern(pattern).sub("y" * 10_000, text)


def test_a_text_that_is_as_long_as_allowed_is_made():
    """The limit itself is allowed."""
    assert len(compile_pattern("a").sub("y" * 1024, "a" * 1024)) == MAX_RESULT


@pytest.mark.parametrize(
    ("pattern", "text", "linear"),
    [
        (r"\d+-\w+", "ascii", True),
        (r"\d+-\w+", "élève", True),
        (r"(?i)école", "École", True),
        (r"\bx", "ascii", True),
        (r"\bx", "élève", False),
        ("x$", "ascii", True),
        ("x$", "ascii\n", False),
        ("(?m)x$", "ascii\n", True),
        ("x", "\ud800", False),
        (r"(x)\1", "ascii", False),
        ("x(?=y)", "ascii", False),
    ],
)
def test_the_linear_engine_is_used_wherever_it_finds_the_same(pattern, text, linear):
    """The engine that backtracks is for what the other one cannot say."""
    assert (compile_pattern(pattern)._for_linear(text) is not None) is linear


def test_the_unicode_of_the_engines_knows_the_letters_that_python_knows():
    """They may know younger letters; none may be missing."""
    known = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    letters = {one for one in known if one.isalnum() or one == "_"}

    assert letters <= set(regex.findall(r"[\p{L}\p{N}_]", known))
    assert {one for one in known if one.isspace()} == set(re.findall(r"\s", known))
