"""Answers: what to tell whom, told once the state is whole again.

Whoever gets an answer may ask the next thing at once, from within the callback. So nobody is told
anything in the middle of a change.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class Answers:
    """Answers in the order they were given."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._telling = False

    def give(self, then: Callable[[Result], None], result: Result) -> None:
        """Tell `then` the result, at the next `tell`."""
        self._waiting.append((then, result))

    def tell(self) -> None:
        """Tell everyone. What is given meanwhile is told too, by the outermost call."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._waiting:
                then, result = self._waiting.popleft()
                then(result)
        finally:
            self._telling = False
