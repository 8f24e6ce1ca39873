"""Loading: messages of a line out of its log, a good piece at a time."""

from anymq.core.queues.stored import MayHold, Reader, Stored
from anymq.observability.log import Log as News
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.log import Log

READ_BYTES = 256 * 1024

news = News(__name__)


class Loader:
    """Reads one log. When it cannot be read, `reader.stuck` says so: it should be tried again."""

    __slots__ = ("_reader", "log")

    def __init__(self, log: Log, reader: Reader) -> None:
        self.log = log
        self._reader = reader

    def load(
        self, position: int, bytes_max: int = READ_BYTES, may_hold: MayHold | None = None
    ) -> tuple[list[Stored], int] | None:
        """Return the messages from `position` on, and where to go on; None when not now."""
        log = self.log
        position = max(position, log.start)
        if position >= log.visible_end:
            return None
        try:
            found = log.read(position, bytes_max)
            if found is None:
                return [], log.visible_end
            there, end = self._reader.read(found.read(), position, may_hold)
            if end <= position:
                raise CorruptBatch("a batch is cut")
        except (StorageError, OSError) as error:
            self._note(error)
            return None
        return there, end

    def _note(self, error: Exception) -> None:
        stuck = self._reader.stuck
        if self.log.id not in stuck:
            news.warning("messages cannot be read now", log=self.log.id, reason=str(error))
        stuck.add(self.log.id)
