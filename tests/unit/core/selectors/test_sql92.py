"""RocketMQ's own conditions: what it answers, we answer (its ExpressionTest, and its grammar)."""

import pytest

from anymq.core.errors import Invalid
from anymq.core.selectors.reader import DEPTH_MAX
from anymq.core.selectors.sql92 import LETTERS_MAX, Sql92


@pytest.mark.parametrize(
    ("condition", "says", "holds"),
    [
        # Texts become the numbers and truths that they are compared with.
        ("a=3 and b<>4 And c>5 AND d<=4", {"a": "3", "b": "5", "c": "6", "d": "1"}, True),
        ("a=3 and b<>4 And c>5 AND d<=4", {"a": "4", "b": "5", "c": "6", "d": "1"}, False),
        ("a=3 or b<>4 Or c>5 OR d<=4", {"a": "4", "b": "4", "c": "5", "d": "1"}, True),
        ("a=3 or b<>4 Or c>5 OR d<=4", {"a": "4", "b": "4", "c": "5", "d": "5"}, False),
        ("a in ('3', '4', '5')", {"a": "3"}, True),
        ("a in ('3', '4', '5')", {"a": "6"}, False),
        ("a in ('3', '4', '5')", {}, False),
        ("a not in ('3', '4', '5')", {"a": "6"}, True),
        ("a not in ('3', '4', '5')", {}, False),
        ("a between 2 and 10", {"a": "2"}, True),
        ("a between 2 and 10", {"a": "11"}, False),
        ("a not between 2 and 10", {"a": "11"}, True),
        ("a not between 2 and 10", {"a": "10"}, False),
        ("a is null", {}, True),
        ("a is null", {"a": "x"}, False),
        ("a is not null", {"a": "x"}, True),
        ("a is not null and a='hello'", {"a": "hello"}, True),
        ("a is not null and a='hello'", {}, False),
        ("a is null OR a='hello'", {}, True),
        ("a is null OR a='hello'", {"a": "abc"}, False),
        ("a=TRUE OR b=FALSE", {"a": "true", "b": "false"}, True),
        ("a=TRUE OR b=FALSE", {"a": "false", "b": "true"}, False),
        ("a=TRUE", {"a": "TrUe"}, True),
        ("a=FALSE", {"a": "anything"}, True),
        ("TAGS is not null and TAGS='''''tag'''''", {"TAGS": "''tag''"}, True),
        ("a > 3.1E10", {"a": "3.1415E10"}, True),
        ("a > 3.14", {"a": "3.1415"}, True),
        ("a > b", {"a": "10", "b": "20"}, False),
        ("a > b", {"a": "20", "b": "10"}, True),
        ("a = -5 and b > -1.5", {"a": "-5", "b": "-1"}, True),
        ("a = +5", {"a": "5"}, True),
        ("a = 5000000000", {"a": "5000000000"}, True),
        ("a = 5L", {"a": "5"}, True),
        # Two that are both text.
        ("a=b", {"a": "3.14", "b": "3.14"}, True),
        ("a<>b", {"a": "3.14", "b": "3.141"}, True),
        ("a=b", {}, True),  # nothing is as nothing
        ("a=b", {"a": "x"}, False),
        ("a<>b", {"a": "x"}, True),
        ("a<>b", {"b": "x"}, False),  # unknown
        # What cannot be compared is not meant, whatever else is asked.
        ("a > 3", {"a": "abc"}, False),
        ("a > 3 or b = 'x'", {"a": "abc", "b": "x"}, False),
        ("b = 'x' or a > 3", {"a": "abc", "b": "x"}, True),
        ("a = 3", {"a": "3.0"}, False),
        ("a <> 3", {"a": "3.5"}, False),
        ("a <> 3.0", {"a": "3.5"}, True),
        ("a > 3", {"a": "5000000000"}, False),  # too large for what 3 is
        ("a between up and low", {"a": "3.14", "up": "up", "low": "low"}, False),
        ("TRUE = a", {"a": "true"}, False),
        # A property is no condition, whatever it says.
        ("a", {"a": "true"}, False),
        ("NOT a", {"a": "true"}, True),
        ("NOT a", {}, False),
        ("NOT (a = 3)", {"a": "4"}, True),
        ("NOT a = 3", {"a": "4"}, False),  # (NOT a) = 3
        ("(a = 3) = (b = 4)", {"a": "1", "b": "1"}, True),
        ("a = 3 IS NULL", {}, True),
        ("TRUE", {}, True),
        ("FALSE or TRUE", {}, True),
        # Parts of a text.
        ("value contains 'x'", {"value": "axb"}, True),
        ("value startswith 'ax' and value endswith 'xb'", {"value": "axb"}, True),
        ("value not contains 'x'", {"value": "axb"}, False),
        ("value not startswith 'x'", {"value": "abb"}, True),
        ("value contains ''", {"value": "axb"}, False),
        ("value not contains ''", {"value": "axb"}, False),
        ("value not contains 'x'", {}, False),
        ("' ' contains ' '", {}, True),
        ("'s' endswith '\\'", {}, False),
        # Around it.
        ("a = 1 /* of two */ and -- the other\n b = 2", {"a": "1", "b": "2"}, True),
        ("_a$1 = 'Grüße'", {"_a$1": "Grüße"}, True),
        ("now = 'x' and like = 'y'", {"now": "x", "like": "y"}, True),
    ],
)
def test_conditions(condition: str, says: dict[str, str], holds: bool) -> None:
    """What a broker of RocketMQ decides."""
    assert Sql92(condition).holds(says) is holds


@pytest.mark.parametrize(
    "condition",
    [
        *("", " ", "a and between 2 and 10", "a between 10 and 0", "a between NULL and 3"),
        *("a = NULL", "NULL <> a", "a > 'x'", "'x' < a", "a >= TRUE", "(a=1) > 2", "TRUE = 5"),
        *(
            "'a' in ('b')",
            "a in ()",
            "a in (1)",
            "a contains 123",
            "a not contains x",
            "a contains",
        ),
        *("5", "'text'", "-a", "a = 3 b", "(a = 3", "a = 3)", "a not = 3", "a is 3", "a like 'x'"),
        *(
            "a != 3",
            "a.b = 3",
            "a-b = 'x'",
            "ä = 'x'",
            "a = 'x",
            "a = 007",
            "a = 0x1F",
            "a + 1 = 2",
        ),
        *("a > 100000000000000000000000", "a > 1e999", "/* a = 1", 'a = "x"'),
        *("(" * (DEPTH_MAX + 1) + "a = 1" + ")" * (DEPTH_MAX + 1), "a = 1" + " " * LETTERS_MAX),
        *("a" + " = b" * 60, "a" + " > b" * 60, " or ".join(["a=1"] * 300), "NOT " * 60 + "TRUE"),
    ],
)
def test_what_is_refused(condition: str) -> None:
    """At once, when a consumer says it: code 23 for its client."""
    with pytest.raises(Invalid):
        Sql92(condition)


def test_any_text_is_understood_or_refused() -> None:
    """Nothing else happens, whatever a client says."""
    words = ["a", "=", "'x'", "(", ")", "NOT", "IN", "3", "-", "IS", "NULL", "AND", "BETWEEN", ">"]
    for first in words:
        for second in words:
            for third in words:
                try:
                    condition = Sql92(f"{first} {second} {third} 1 or a {second} {third}")
                except Invalid:
                    continue
                condition.holds({"a": "1"})
                condition.holds({})
