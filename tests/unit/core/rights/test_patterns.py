"""Patterns of rights and policies: RabbitMQ's, and an end to those that have none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.errors import Invalid
from anymq.core.rights.patterns import check, is_quick, matches

NAME = "a" * 200


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("", "q", False),
        ("", "", True),
        (".*", "q", True),
        ("^(?!amq\\.).*", "amq.gen", False),
        ("^(?!amq\\.).*", "mine", True),
        ("^(logs|metrics)\\.[a-z]+$", "logs.web", True),
        ("^(?!amq\\.)(logs|metrics)\\.[a-z]+\\..*$", "logs.web.1", True),
        ("^([[:alpha:]]+)-\\1$", "ab-ab", True),
        ("^([[:alpha:]]+)-\\1$", "ab-ba", False),
        ("é+ü+", "éü", True),
    ],
)
def test_whatever_looks_for_a_pattern_finds_the_same(
    pattern: str, name: str, expected: bool
) -> None:
    assert matches(pattern, name) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a|aa)+$b",
        "(.*a){20}b$",
        "(x+x+)+y|^(a|a?)+b",
        "a?" * 100 + "a" * 100 + "b",
        "(a|a)" * 200 + "b",
    ],
)
def test_what_never_ends_matches_nothing(pattern: str) -> None:
    check(pattern)
    assert not is_quick(pattern.encode())
    assert not matches(pattern, NAME)
    assert not matches(pattern, NAME)


@pytest.mark.parametrize("pattern", ["(", "[[:nope:]]", "a{2,1}", "x" * 5000])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid):
        check(pattern)


@given(
    st.text("ab.^$*+?|()[]{}2,\\", max_size=12),
    st.text("ab2", max_size=12),
)
def test_python_and_who_stands_in_for_it_agree(pattern: str, name: str) -> None:
    try:
        check(pattern)
    except Invalid:
        return
    assert not pattern or matches(pattern, name) == bool(re.search(pattern.encode(), name.encode()))
