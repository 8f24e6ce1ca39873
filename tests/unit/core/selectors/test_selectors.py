"""Selectors: consumers rely on getting what they asked for, and nothing else."""

import contextlib
import sqlite3
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.errors import Invalid
from anymq.core.message import Envelope, Long, Message, Properties, Traits
from anymq.core.selectors.evaluating import Value
from anymq.core.selectors.like import like
from anymq.core.selectors.parser import LIKES_MAX
from anymq.core.selectors.reader import DEPTH_MAX
from anymq.core.selectors.selector import LETTERS_MAX, Selector, selector_in


class Says(dict[str, Value]):
    """A message that says only headers."""


def holds(text: str, **said: Value) -> bool:
    return Selector(text).holds(Says(said))


MEETS = [
    ("age = 3", {"age": 3}),
    ("age = 3", {"age": 3.0}),
    ("age <> 3", {"age": 4}),
    ("age != 3", {"age": 4}),
    ("3 < age and age <= 10", {"age": 10}),
    ("age BETWEEN 1 AND 3", {"age": 3}),
    ("age NOT BETWEEN 1 AND 3", {"age": 4}),
    ("color IN ('red', 'blue')", {"color": "blue"}),
    ("color NOT IN ('red')", {"color": "blue"}),
    ("color LIKE 'b%'", {"color": "blue"}),
    ("color NOT LIKE 'b_ue'", {"color": "red"}),
    ("share LIKE '100!%' ESCAPE '!'", {"share": "100%"}),
    ("nobody IS NULL", {}),
    ("color IS NOT NULL", {"color": ""}),
    ("(age + 1) * 2 - 10 / 4 = 6", {"age": 3}),
    ("-age < +0", {"age": 3}),
    ("urgent", {"urgent": True}),
    ("NOT urgent = TRUE OR urgent", {"urgent": True}),
    ("it = 'it''s'", {"it": "it's"}),
    ("a.b = 0x1F AND $c = 1e3 AND _d = .5", {"a.b": 31, "$c": 1000, "_d": 0.5}),
    ("größe = 5L", {"größe": 5}),
    ("TRUE", {}),
    ("(a = 1) = FALSE", {"a": 2}),
    ("convert_string_expressions: age > 9", {"age": "10"}),
    ("hyphenated_props:content-type = 'text'", {"content-type": "text"}),
]


@pytest.mark.parametrize(("text", "said"), MEETS)
def test_what_meets_a_selector(text: str, said: Mapping[str, Value]) -> None:
    prefix, _, condition = text.rpartition(":")
    inverted = f"{prefix}:NOT ({condition})" if prefix else f"NOT ({condition})"
    assert Selector(text).holds(Says(said))
    assert not Selector(inverted).holds(Says(said))


NEITHER = ["age = 3", "age <> 3", "age > 1", "age + 1 > 0", "age LIKE 'x'", "age IN ('x')", "age"]


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_not_said_is_neither_so_nor_otherwise(text: str) -> None:
    assert not holds(text)
    assert not holds(f"NOT ({text})")


def test_unknown_counts_only_where_the_rest_does_not_decide() -> None:
    assert holds("x = 1 OR a = 1", a=1)
    assert not holds("x = 1 AND a = 1", a=1)
    assert holds("NOT (x = 1 AND a = 2)", a=1)


def test_what_is_of_another_kind_is_neither_equal_nor_unequal() -> None:
    for text in ("a = 3", "a <> 3", "a > 3", "a BETWEEN 1 AND 4"):
        assert not holds(text, a="3")
    assert not holds("a = 1", a=True)
    assert not holds("a = TRUE", a=1)


def test_a_quotient_by_zero_is_unknown() -> None:
    assert not holds("1 / a = 1", a=0)
    assert not holds("NOT 1.0 / a = 1", a=0)


def test_numbers_without_end_stay_small() -> None:
    """Nobody makes the broker calculate with millions of digits."""
    assert not holds(" * ".join(["a"] * 50) + " = 1", a=2**62)
    assert holds("a * a > 4000000000", a=2**40)


REFUSED = [
    "", "a =", "= 3", "a = 3 b", "a == 3", "'a' < 3", "a < 'b'", "1 + 1", "'text'", "a IN ()",
    "a IN (1)", "a LIKE b", "a LIKE 'x' ESCAPE 'ab'", "a LIKE 'x!' ESCAPE '!'", "a BETWEEN 1",
    "NOT", "(a = 1", "a = 1)", "a = 'x", "a = 3 AND", "a IS 3", "a NOT 3", "TRUE + 1 = 2",
    "1 = 'a'", "a # 3", "(" * 60 + "a = 1" + ")" * 60, "NOT " * 60 + "a = 1",
    "-" * 60 + "1 = 1", "a = " + "1" * 40, "x" * LETTERS_MAX + " = 1", "\0 = 1", "a = 1 \ud800",
    " + ".join(["1"] * (DEPTH_MAX + 2)) + " = 1",
    " OR ".join(["a LIKE '%b_'"] * (LIKES_MAX + 1)),
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Selector(text)


@given(st.text(alphabet="ab ANDORNOT()'%_<>=+-*/.019$,", max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(Invalid):
        Selector(text).holds(Says(a=1, b="x"))


def test_a_long_selector_is_no_deep_one() -> None:
    text = " OR ".join(f"a = {i}" for i in range(700))
    assert holds(text, a=699)


# The same as a database says

COLUMNS = ("n", "m", "t", "u")
SIGNS = ("=", "<>", "<", "<=", ">", ">=")


def numbers() -> st.SearchStrategy[str]:
    leaf = st.one_of(st.sampled_from(("n", "m")), st.integers(-20, 20).map(lambda i: f"({i})"))
    return st.recursive(
        leaf,
        lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        max_leaves=4,
    )


def texts() -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(("t", "u")), quoted())


def quoted(alphabet: str = "ab'") -> st.SearchStrategy[str]:
    return st.text(alphabet, max_size=4).map(lambda text: "'{}'".format(text.replace("'", "''")))


def conditions() -> st.SearchStrategy[str]:
    some_not = st.sampled_from(("", "NOT "))
    leaf = st.one_of(
        st.builds("{} {} {}".format, numbers(), st.sampled_from(SIGNS), numbers()),
        st.builds("{} {} {}".format, texts(), st.sampled_from(("=", "<>")), texts()),
        st.builds("{} {}BETWEEN {} AND {}".format, numbers(), some_not, numbers(), numbers()),
        st.builds("{} {}LIKE {}".format, texts(), some_not, quoted("ab%_")),
        st.builds(
            "{} {}LIKE {} ESCAPE '!'".format,
            texts(),
            some_not,
            quoted("ab%_").map(lambda p: p.replace("%", "!%", 1)),
        ),
        st.builds("{} {}IN ({}, {})".format, texts(), some_not, quoted(), quoted()),
        st.builds("{} IS {}NULL".format, st.sampled_from(COLUMNS), some_not),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds("({}) AND {}".format, inner, inner),
            st.builds("{} OR ({})".format, inner, inner),
            st.builds("NOT ({})".format, inner),
        ),
        max_leaves=6,
    )


DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
DATABASE.execute("PRAGMA case_sensitive_like = ON")
DATABASE.execute("CREATE TABLE said (n INTEGER, m INTEGER, t TEXT, u TEXT)")


@given(
    conditions(),
    st.tuples(
        *[st.one_of(st.none(), st.integers(-20, 20))] * 2,
        *[st.one_of(st.none(), st.text("ab'%_", max_size=5))] * 2,
    ),
)
def test_it_says_what_a_database_says(text: str, row: tuple[Value, ...]) -> None:
    """The same condition, the same values: SQLite's answer is ours."""
    DATABASE.execute("DELETE FROM said")
    DATABASE.execute("INSERT INTO said VALUES (?, ?, ?, ?)", row)
    found = DATABASE.execute(f"SELECT 1 FROM said WHERE {text}").fetchone()
    said = Says(dict(zip(COLUMNS, row, strict=True)))
    assert Selector(text).holds(said) is (found is not None)


@given(st.text("ab_%", max_size=8), st.text("ab", max_size=12))
def test_patterns_match_what_a_database_matches(pattern: str, text: str) -> None:
    found = DATABASE.execute("SELECT ? LIKE ?", (text, pattern)).fetchone()
    assert like(pattern)(text) is bool(found[0])


def test_no_pattern_takes_long() -> None:
    """What makes others try everything again at each letter: here it is one pass."""
    text = "a" * 100_000
    assert not holds("t LIKE 'a%'", t=text)
    assert not holds("NOT t LIKE 'a%'", t=text)
    assert not like("%a" * 50 + "_b%")(text)
    assert not like("%" + "a_" * 200 + "b%")(text)
    assert like("%" + "a%" * 1000 + "_")(text)


# What a message says


class SomeForm:
    number = 99

    def __init__(self, said: Properties | None) -> None:
        self._said = said

    def traits(self, properties: bytes) -> Traits:
        return Traits(expiration_ms=500)

    def read(self, properties: bytes) -> Properties:
        if self._said is None:
            raise ValueError("broken")
        return self._said

    def write(self, properties: Properties) -> bytes:
        return b""


def message(said: Properties | None) -> Message:
    return Message(Envelope("", "orders", SomeForm(said)), b"", b"", 1000)


def test_the_names_of_jms() -> None:
    said = Properties(
        headers={"width": Long(3), "raw": b"text", "list": [1]},
        message_id="m", correlation_id="c", reply_to="r", type="t", user_id="u",
        delivery_mode=2, content_type="text/plain",
    )  # fmt: skip
    for text in (
        "JMSMessageID = 'm' AND JMSCorrelationID = 'c' AND JMSReplyTo = 'r' AND JMSType = 't'",
        "JMSPriority = 4 AND JMSTimestamp = 1000 AND JMSExpiration = 1500",
        "JMSDeliveryMode = 'PERSISTENT' AND JMSDestination = 'orders' AND JMSXUserID = 'u'",
        "width = 3 AND raw = 'text' AND list IS NULL AND properties.content_type = 'text/plain'",
    ):
        assert Selector(text).matches(message(said)), text


def test_what_cannot_be_read_says_nothing() -> None:
    assert Selector("a IS NULL").matches(message(None))


def test_an_empty_selector_is_none() -> None:
    assert selector_in({}) is selector_in({"x-selector": ""}) is selector_in({"x-selector": " "})
    with pytest.raises(Invalid):
        selector_in({"x-selector": 3})
