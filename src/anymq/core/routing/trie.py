"""Trie: patterns of words, found by what they match. `*` is one word, `#` any number of them.

Matching walks all the places that a key may have reached so far, word by word. Places are shared by
patterns that begin alike, so what it costs depends on the words of the key, not on how many
patterns there are; and however many `#` patterns have, a place is visited once for each word.

Measured by benchmarks/micro/routes.py.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

ONE, ANY = "*", "#"


class _Place(Generic[T]):
    """What may follow after some words, and what ends here."""

    __slots__ = ("any", "following", "here", "one")

    def __init__(self) -> None:
        self.following: dict[str, _Place[T]] | None = None  # None: most places end here
        self.one: _Place[T] | None = None
        self.any: _Place[T] | None = None  # it stays where it is for any word
        self.here: dict[T, None] | None = None

    @property
    def empty(self) -> bool:
        leads_on = self.following or self.one is not None or self.any not in (None, self)
        return not self.here and not leads_on


class Trie(Generic[T]):
    """Things by the patterns that lead to them."""

    def __init__(self) -> None:
        self._root: _Place[T] = _Place()

    def add(self, pattern: str, thing: T) -> None:
        """Find `thing` by what matches `pattern`."""
        place = self._root
        for word in words_of(pattern):
            place = _make_following(place, word)
        if place.here is None:
            place.here = {}
        place.here[thing] = None

    def discard(self, pattern: str, thing: T) -> None:
        """Find it no more."""
        words = words_of(pattern)
        path = [self._root]
        for word in words:
            place = _following(path[-1], word)
            if place is None:
                return
            path.append(place)
        if path[-1].here:
            path[-1].here.pop(thing, None)
        for word, before in zip(reversed(words), reversed(path[:-1]), strict=True):
            if not path.pop().empty:
                return
            _cut(before, word)

    def match(self, key: str) -> Iterator[T]:
        """Return what the patterns that match `key` lead to."""
        places = {self._root: None}
        _reach(places, self._root)
        for word in words_of(key):
            further: dict[_Place[T], None] = {}
            for place in places:
                _step(place, word, further)
            places = further
        for place in places:
            if place.here:
                yield from place.here


def words_of(key: str) -> list[str]:
    """Return the words of a key; the empty key has none, `a..b` has three."""
    return key.split(".") if key else []


def _step(place: _Place[T], word: str, further: dict[_Place[T], None]) -> None:
    following = place.following
    if following is not None and (exact := following.get(word)) is not None:
        further[exact] = None
        _reach(further, exact)
    if place.one is not None:
        further[place.one] = None
        _reach(further, place.one)
    if place.any is place:  # it is behind a `#`, which takes this word, too
        further[place] = None


def _reach(places: dict[_Place[T], None], place: _Place[T]) -> None:
    """A `#` may stand for no word at all."""
    while (after := place.any) is not None and after not in places:
        places[after] = None
        place = after


def _make_following(place: _Place[T], word: str) -> _Place[T]:
    found = _following(place, word)
    if found is None:
        found = _Place()
        if word == ANY:
            found.any = found
            place.any = found
        elif word == ONE:
            place.one = found
        elif place.following is None:
            place.following = {word: found}
        else:
            place.following[word] = found
    return found


def _following(place: _Place[T], word: str) -> _Place[T] | None:
    if word == ANY:
        return place.any
    if word == ONE:
        return place.one
    return None if place.following is None else place.following.get(word)


def _cut(place: _Place[T], word: str) -> None:
    if word == ANY:
        place.any = None
    elif word == ONE:
        place.one = None
    elif place.following is not None:
        del place.following[word]
