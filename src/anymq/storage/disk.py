"""Disk: what all logs of one data directory share."""

from collections import OrderedDict
from collections.abc import Callable

from anymq.storage.backlog import Backlog
from anymq.storage.commit import Committable
from anymq.storage.files import Files
from anymq.storage.handles import HANDLES_MAX, Handles
from anymq.storage.reserve import Reserve
from anymq.storage.segment import Segment
from anymq.storage.space import DISK_FREE_MIN, Space

REPORTS_MAX = 1000
INDEXES_MAX = 64  # of sealed segments, at most 400 KB each with the default settings


def _nobody() -> None:
    """Nobody is told."""


class Disk:
    """Open files, space, and who has something to write. On the broker's thread only."""

    def __init__(
        self,
        files: Files,
        *,
        handles_max: int = HANDLES_MAX,
        free_min: int = DISK_FREE_MIN,
        retention_check_ms: int = 0,
    ) -> None:
        self.files = files
        self.retention_check_ms = retention_check_ms
        self.handles = Handles(files, handles_max)
        self.space = Space(files, free_min)
        self.reserve = Reserve(files)
        self.backlog = Backlog()
        self.dirty: list[Committable] = []
        self.on_dirty: Callable[[], None] = _nobody
        self.reports: list[str] = []  # damage and what is not ours, for people
        self.doomed: list[str] = []  # directories of deleted logs that a late commit made again
        self.in_doubt = False  # what is found may not be on the disk: a sync had failed
        self.stopping = False  # slow work that can be left undone should be
        self.now_ms = 0  # as of the last maintenance; 0: none yet
        self._indexed: OrderedDict[Segment, None] = OrderedDict()

    def mark_dirty(self, log: Committable) -> None:
        """`log` has something to write; the driver is told of the first one."""
        self.dirty.append(log)
        if len(self.dirty) == 1:
            self.on_dirty()

    def used(self, segment: Segment) -> None:
        """The index of this segment was used: drop another one if there are many."""
        if not segment.sealed:
            return
        self._indexed[segment] = None
        self._indexed.move_to_end(segment)
        if len(self._indexed) > INDEXES_MAX:
            oldest, _ = self._indexed.popitem(last=False)
            if oldest.sealed and oldest.pinned is None:
                oldest.index = None

    def report(self, text: str) -> None:
        """Tell people, once."""
        if text not in self.reports and len(self.reports) < REPORTS_MAX:
            self.reports.append(text)
