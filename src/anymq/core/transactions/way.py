"""Way: one message on its way to its topic: there, and written down that it is."""

from collections.abc import Callable

from anymq.core.queues.coming import Coming
from anymq.core.transactions.open import Open

Arrived = Callable[[Exception | None], None]


class Way:
    """`then` is called once: when it is both where it goes and written down, or not everywhere."""

    __slots__ = ("_begun", "_is_kept", "_is_published", "_then", "coming", "error", "one")

    def __init__(self, one: Open, then: Callable[["Way"], None]) -> None:
        self.one = one
        self.coming: Coming | None = None  # where it goes, when that is known
        self.error: Exception | None = None
        self._then = then
        self._is_kept = self._is_published = self._begun = False

    def begin(self) -> None:
        """All of it has been set off."""
        self._begun = True
        self._look()

    def on_published(self, error: Exception | None) -> None:
        """It is there; or not everywhere."""
        self._is_published, self.error = True, error
        self._look()

    def on_kept(self, _error: Exception | None) -> None:
        """It is written down. Or not, as the disk failed: then a crash now would bring it twice."""
        self._is_kept = True
        self._look()

    def _look(self) -> None:
        is_over = self._is_published and (self._is_kept or self.error is not None)
        if self._begun and is_over:
            self._begun = False  # once
            self._then(self)
