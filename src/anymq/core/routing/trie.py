"""Trie: patterns of words, found by what they match. `*` is one word, `#` any number of them.

Patterns without either, most of them, are looked up as a whole. Matching the others walks all the
places that a key may have reached so far, word by word. Places are shared by patterns that begin
alike, so what it costs depends on the words of the key, not on how many patterns there are; and
however many `#` patterns have, a place is visited once for each word.

A million patterns are nothing strange, so nothing is made for one that only several need.

Measured by benchmarks/micro/routes.py and subscriptions.py.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

ONE, ANY = "*", "#"


class _Several(dict[T, None]):
    """More than one thing at one place, in their order."""

    __slots__ = ()


class _Place(Generic[T]):
    """What may follow after some words, and what ends here."""

    __slots__ = ("any", "following", "here", "next", "one", "word")

    def __init__(self) -> None:
        self.word: str | None = None  # the only one that follows, and where it leads to
        self.next: _Place[T] | None = None
        self.following: dict[str, _Place[T]] | None = None  # when there are several
        self.one: _Place[T] | None = None
        self.any: _Place[T] | None = None  # it stays where it is for any word
        self.here: T | _Several[T] | None = None

    @property
    def empty(self) -> bool:
        follows = self.next is not None or self.following or self.one is not None
        return self.here is None and not follows and self.any in (None, self)


class Trie(Generic[T]):
    """Things, which None is not, by the patterns that lead to them."""

    __slots__ = ("_exact", "_root")

    def __init__(self) -> None:
        self._exact: dict[str, T | _Several[T]] = {}
        self._root: _Place[T] = _Place()

    @property
    def empty(self) -> bool:
        """Is there nothing at all?"""
        return not self._exact and self._root.empty

    def add(self, pattern: str, thing: T) -> None:
        """Find `thing` by what matches `pattern`."""
        words = _with_wildcards(pattern)
        if not words:
            self._exact[pattern] = _more(self._exact.get(pattern), thing)
            return
        place = self._root
        for word in words:
            place = _make_following(place, word)
        place.here = _more(place.here, thing)

    def discard(self, pattern: str, thing: T) -> None:
        """Find it no more."""
        words = _with_wildcards(pattern)
        if not words:
            left = _less(self._exact.pop(pattern, None), thing)
            if left is not None:
                self._exact[pattern] = left
            return
        path = [self._root]
        for word in words:
            place = _following(path[-1], word)
            if place is None:
                return
            path.append(place)
        path[-1].here = _less(path[-1].here, thing)
        for word, before in zip(reversed(words), reversed(path[:-1]), strict=True):
            if not path.pop().empty:
                return
            _cut(before, word)

    def match(self, key: str) -> Iterator[T]:
        """Return what the patterns that match `key` lead to."""
        if (exact := self._exact.get(key)) is not None:
            yield from _all(exact)
        places = {self._root: None}
        _reach(places, self._root)
        for word in words_of(key):
            further: dict[_Place[T], None] = {}
            for place in places:
                _step(place, word, further)
            places = further
            if not places:
                return
        for place in places:
            if place.here is not None:
                yield from _all(place.here)


def words_of(key: str) -> list[str]:
    """Return the words of a key; the empty key has none, `a..b` has three."""
    return key.split(".") if key else []


def _with_wildcards(pattern: str) -> list[str]:
    """Return the words of a pattern that has wildcards; none of one that is a key itself."""
    if ONE not in pattern and ANY not in pattern:
        return []
    words = words_of(pattern)
    return words if ONE in words or ANY in words else []


def _more(here: T | _Several[T] | None, thing: T) -> T | _Several[T]:
    if here is None:
        return thing
    if not isinstance(here, _Several):
        here = _Several({here: None})
    here[thing] = None
    return here


def _less(here: T | _Several[T] | None, thing: T) -> T | _Several[T] | None:
    if not isinstance(here, _Several):
        return None if here == thing else here
    here.pop(thing, None)
    return here or None


def _all(here: T | _Several[T]) -> Iterable[T]:
    return here if isinstance(here, _Several) else (here,)


def _step(place: _Place[T], word: str, further: dict[_Place[T], None]) -> None:
    exact = place.next if place.word == word else None
    if place.following is not None:
        exact = place.following.get(word)
    if exact is not None:
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
        else:
            _put_word(place, word, found)
    return found


def _put_word(place: _Place[T], word: str, found: _Place[T]) -> None:
    if place.following is not None:
        place.following[word] = found
    elif place.word is None or place.next is None:
        place.word, place.next = word, found
    else:
        place.following = {place.word: place.next, word: found}
        place.word = place.next = None


def _following(place: _Place[T], word: str) -> _Place[T] | None:
    if word == ANY:
        return place.any
    if word == ONE:
        return place.one
    if place.following is not None:
        return place.following.get(word)
    return place.next if place.word == word else None


def _cut(place: _Place[T], word: str) -> None:
    if word == ANY:
        place.any = None
    elif word == ONE:
        place.one = None
    elif place.following is not None:
        del place.following[word]
        if not place.following:
            place.following = None
    else:
        place.word = place.next = None
