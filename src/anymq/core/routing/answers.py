"""Answers: one answer of several, where a run goes to several places, or in several parts."""

from collections.abc import Sequence

from anymq.core.errors import PartlyRejected
from anymq.core.routing.target import Then


class Answers:
    """Makes one answer of several, each for a part of the messages of a run."""

    __slots__ = ("_error", "_refused", "_size", "_then", "_waiting")

    def __init__(self, size: int, parts: int, then: Then) -> None:
        self._size = size
        self._waiting = parts
        self._then = then
        self._refused: set[int] = set()
        self._error: Exception | None = None

    def of(self, places: Sequence[int]) -> Then:
        """Return whom to tell of the messages at these places of the run."""

        def answered(error: Exception | None) -> None:
            if error is not None:
                self._note(error, places)
            self._waiting -= 1
            if not self._waiting:
                self._then(self._answer())

        return answered

    def _note(self, error: Exception, places: Sequence[int]) -> None:
        if isinstance(error, PartlyRejected):
            self._refused.update(places[index] for index in error.indexes)
        else:
            self._refused.update(places)
            self._error = self._error or error

    def _answer(self) -> Exception | None:
        if not self._refused:
            return None
        if self._error is not None and len(self._refused) == self._size:
            return self._error
        return PartlyRejected(frozenset(self._refused))
