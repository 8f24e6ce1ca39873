"""Progress: how far the settlement of all queues has come to the disk."""

from anymq.core.queues.journal import Journal
from anymq.storage.log import Log


class Progress:
    """What was settled before a mark survives a power cut once `safe_to` has reached it."""

    __slots__ = ("_journal", "_log")

    def __init__(self, journal: Journal, log: Log) -> None:
        self._journal = journal
        self._log = log

    def mark(self) -> int:
        """Return the mark of everything settled so far."""
        self._journal.flush()
        return self._log.end

    @property
    def safe_to(self) -> int:
        """How far it is synced; of a journal that failed: nobody knows."""
        if self._log.failed is not None:
            return -1
        return self._log.durable.end
