"""Keeping: a level of a queue is safe when the queue's definition on the disk names it.

A restart finds the messages of those levels only. So whoever publishes the first ones hears that
they are safe when both are: they, and the definition.
"""

from collections.abc import Callable
from functools import partial

from anymq.core.joined import Joined
from anymq.core.queues.unwritten import Then

Keep = Callable[[Then], None]


def _nobody(error: Exception | None) -> None:
    """Nobody waits for the definition."""


class Keeping:
    """The levels of one queue that its definition on the disk may not name yet."""

    __slots__ = ("_keep", "_waiting")

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._waiting: dict[int, list[Then]] = {}

    def begun(self, level: int) -> None:
        """There is a level more."""
        self._waiting[level] = []

    def answer(self, level: int, then: Then | None) -> Then | None:
        """Return whom to tell when messages for this level are safe."""
        waiting = self._waiting.get(level)
        if waiting is None:
            return then
        joined = Joined(then or _nobody, 2)
        waiting.append(joined)
        if len(waiting) == 1:
            self._keep(partial(self._kept, level))
        return joined

    def _kept(self, level: int, error: Exception | None) -> None:
        """Where the disk did not take it, the next message has it tried again."""
        waiting = self._waiting.pop(level)
        if error is not None:
            self._waiting[level] = []
        for then in waiting:
            then(error)
