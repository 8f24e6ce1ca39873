"""Patterns of words: what matches, whatever else is in the trie."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.routing.trie import Trie

WORDS = st.lists(st.sampled_from(["a", "b", "", "*", "#"]), max_size=5)
PATTERNS = st.lists(WORDS.map(".".join), max_size=8)
KEYS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=6).map(".".join)


def matches(pattern: str, key: str) -> bool:
    """AMQP's rule, by a slower way."""
    words = pattern.split(".") if pattern else []
    part = {"*": r"[^.]*\.", "#": r"([^.]*\.)*"}
    expression = "".join(part.get(word, re.escape(word) + r"\.") for word in words)
    return re.fullmatch(expression, key + "." if key else "") is not None


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("a.*.b", "a..b", True),  # the empty word is a word
        ("#", "", True),
        ("*", "", False),
        ("a.#", "a", True),
        ("a.#.b", "a.b", True),
        ("#.b", "a.b.b", True),
        ("*.#", "", False),
        ("a", "a.", False),
        ("#.#", "a.b", True),
    ],
)
def test_a_pattern_matches_words(pattern: str, key: str, expected: bool) -> None:
    trie: Trie[str] = Trie()
    trie.add(pattern, pattern)
    assert list(trie.match(key)) == ([pattern] if expected else [])
    assert matches(pattern, key) is expected


@given(patterns=PATTERNS, key=KEYS)
def test_what_matches_does_not_depend_on_the_other_patterns(patterns: list[str], key: str) -> None:
    trie: Trie[int] = Trie()
    for number, pattern in enumerate(patterns):
        trie.add(pattern, number)
    found = list(trie.match(key))
    assert len(found) == len(set(found))
    assert set(found) == {n for n, pattern in enumerate(patterns) if matches(pattern, key)}


@given(patterns=PATTERNS, gone=st.sets(st.integers(0, 7)), key=KEYS)
def test_what_was_taken_out_matches_no_more(patterns: list[str], gone: set[int], key: str) -> None:
    trie: Trie[int] = Trie()
    for number, pattern in enumerate(patterns):
        trie.add(pattern, number)
    for number in gone & set(range(len(patterns))):
        trie.discard(patterns[number], number)
    left = {n for n, pattern in enumerate(patterns) if n not in gone and matches(pattern, key)}
    assert set(trie.match(key)) == left
    for number, pattern in enumerate(patterns):
        trie.discard(pattern, number)
    assert trie.empty  # nothing is left behind


def test_many_wildcards_cost_no_more_than_places() -> None:
    """Somebody binds `#.#.*.#.*` a thousand times: a key visits each place once for each word."""
    trie: Trie[str] = Trie()
    trie.add(".".join(["#", "*"] * 40), "many")
    assert list(trie.match(".".join(["a"] * 300))) == ["many"]
    assert list(trie.match(".".join(["a"] * 39))) == []
