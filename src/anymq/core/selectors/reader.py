"""Reader: what the parsers of both grammars have in common: one word after another, AND and OR."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, Generic, TypeVar

from anymq.core.errors import Invalid
from anymq.core.selectors import evaluating as ev
from anymq.core.selectors.words import Kind, Word

DEPTH_MAX = 50  # of what is within each other; Python's own limit is not to be met

P = TypeVar("P")


class Reader(ABC, Generic[P]):
    """Reads one text, whose parts are `P`."""

    called: ClassVar[str]  # what the text is, in what we say of it

    def __init__(self, words: Iterable[Word]) -> None:
        self._words = iter(words)
        self._next = next(self._words)
        self._depth = 0

    def parse(self) -> ev.Evaluate:
        """Return all of it as one test. Invalid: it is none."""
        whole = self._truth(self._or())
        if self._next.kind is not Kind.END:
            raise self._unexpected(self._next)
        return whole

    @abstractmethod
    def _factor(self) -> P:
        """Read what AND and OR join."""

    @abstractmethod
    def _truth(self, part: P) -> ev.Evaluate:
        """Return it as a test. Invalid: it is none."""

    @abstractmethod
    def _joined(self, test: ev.Evaluate) -> P:
        """Return this test as a part."""

    # Logic

    def _or(self) -> P:
        return self._chain("OR", self._and, ev.either)

    def _and(self) -> P:
        return self._chain("AND", self._factor, ev.both)

    def _chain(
        self,
        keyword: str,
        read: Callable[[], P],
        join: Callable[[list[ev.Evaluate]], ev.Evaluate],
    ) -> P:
        first = read()
        if not self._is(Kind.KEYWORD, keyword):
            return first
        parts = [self._truth(first)]
        while self._accept(Kind.KEYWORD, keyword):
            parts.append(self._truth(read()))
        return self._joined(join(parts))

    # Words

    def _deeper(self, read: Callable[[], P]) -> P:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise Invalid(f"a {self.called} is at most {DEPTH_MAX} deep")
        part = read()
        self._depth -= 1
        return part

    def _take(self) -> Word:
        taken = self._next
        if taken.kind is not Kind.END:
            self._next = next(self._words)
        return taken

    def _is(self, kind: Kind, value: str) -> bool:
        return self._next.kind is kind and self._next.value == value

    def _accept(self, kind: Kind, value: str) -> bool:
        found = self._is(kind, value)
        if found:
            self._take()
        return found

    def _expect(self, kind: Kind, value: str) -> None:
        if not self._accept(kind, value):
            raise self._unexpected(self._next)

    def _text(self) -> str:
        if self._next.kind is not Kind.TEXT:
            raise self._unexpected(self._next)
        return str(self._take().value)

    def _unexpected(self, word: Word) -> Invalid:
        return Invalid(f"a {self.called} does not go on with {shown(word)}")


def shown(word: Word) -> str:
    """Return the word as people are told of it."""
    return "its end" if word.kind is Kind.END else f"{str(word.value)[:40]!r} (at {word.at})"
