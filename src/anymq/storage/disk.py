"""Disk: what all logs of one data directory share."""

from collections.abc import Callable

from anymq.storage.commit import Committable
from anymq.storage.files import Files
from anymq.storage.handles import HANDLES_MAX, Handles
from anymq.storage.space import DISK_FREE_MIN, Space


def _nobody() -> None:
    """Nobody is told."""


class Disk:
    """Open files, space, and who has something to write. On the broker's thread only."""

    def __init__(
        self, files: Files, *, handles_max: int = HANDLES_MAX, free_min: int = DISK_FREE_MIN
    ) -> None:
        self.files = files
        self.handles = Handles(files, handles_max)
        self.space = Space(files, free_min)
        self.dirty: list[Committable] = []
        self.on_dirty: Callable[[], None] = _nobody
        self.reports: list[str] = []  # damage and what is not ours, for people
        self.now_ms = 0  # as of the last maintenance; 0: none yet

    def mark_dirty(self, log: Committable) -> None:
        """`log` has something to write; the driver is told of the first one."""
        self.dirty.append(log)
        if len(self.dirty) == 1:
            self.on_dirty()

    def report(self, text: str) -> None:
        """Tell people."""
        self.reports.append(text)
