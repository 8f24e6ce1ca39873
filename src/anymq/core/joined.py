"""Answers: one for several, or raised where that is still possible."""

from collections.abc import Callable

Then = Callable[[Exception | None], None]


class Joined:
    """Told so often, tells once: when all have answered, of the first error if there was one."""

    __slots__ = ("_error", "_left", "_then")

    def __init__(self, then: Then, count: int) -> None:
        self._then = then
        self._left = count
        self._error: Exception | None = None

    def __call__(self, error: Exception | None) -> None:
        """One of them is done."""
        self._left -= 1
        self._error = self._error or error
        if not self._left:
            self._then(self._error)


def at_once(ask: Callable[[Then], None], then: Then) -> None:
    """Ask for something; an error that comes before this returns is raised, and not told."""
    refused: list[Exception] = []
    asking = True

    def answered(error: Exception | None) -> None:
        if asking and error is not None:
            refused.append(error)
        else:
            then(error)

    ask(answered)
    asking = False
    if refused:
        raise refused[0]
