"""News of the disk: what its owner should hear of without asking is logged when it happens."""

from collections.abc import Sequence
from typing import Protocol

from anymq.config.units import MIB
from anymq.observability.log import Log

log = Log(__name__)


class Watched(Protocol):
    """What `anymq.storage.store.LogStore` is to us."""

    @property
    def reports(self) -> Sequence[str]:
        """What people should know, from the first on."""

    @property
    def full(self) -> bool:
        """Are appends refused until there is space?"""

    def free_bytes(self) -> int:
        """Return how much space the disk has."""


class News:
    """Remembers what was told. `look` costs next to nothing when there is nothing new."""

    def __init__(self, store: Watched) -> None:
        self._store = store
        self._told = 0
        self._full = False

    def look(self) -> None:
        """Tell what is new since the last look."""
        for report in self._store.reports[self._told :]:
            log.warning("the disk has a problem", report=report)
        self._told = len(self._store.reports)
        if self._full is not self._store.full:
            self._full = self._store.full
            self._tell_of_space()

    def _tell_of_space(self) -> None:
        free = f"{self._store.free_bytes() // MIB}MiB"
        if self._full:
            log.error("the disk is full: messages are refused until there is space", free=free)
        else:
            log.info("the disk has space again: messages are taken", free=free)
