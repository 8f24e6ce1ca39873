"""Lines: all lines of one broker, with what they share: journal, memory, forms."""

from collections.abc import Callable, Mapping

from anymq.core.message import Form
from anymq.core.queues.line import Line
from anymq.core.streams.logs import Logs
from anymq.storage.errors import StorageError
from anymq.storage.log import Log, LogConfig
from anymq.storage.work import Work

JOURNAL_LOG_ID = 3
LINE_LOG = LogConfig(delete=False)


class Lines:
    """STUB with the final interface."""

    def __init__(self, store: Logs, forms: Mapping[int, Form]) -> None:
        """Open the settlement journal (log 3) and read it. `forms`: number → Form."""
        self._store = store
        self._lines: dict[int, Line] = {}

    def line(self, log_id: int, *, durable: bool = True) -> Line:
        """Open the line that owns this log; new, or as it was left. Once for each id."""
        line = self._lines[log_id] = Line(None, durable=durable)
        return line

    def delete(self, log_id: int) -> Work:
        """Forget the line and what is settled there; the work removes its files."""
        self._lines.pop(log_id, None)
        return self._store.delete(log_id)

    def abandon(self, log_id: int) -> None:
        """Let go of a line whose definition the disk did not keep."""
        self._lines.pop(log_id, None)
        self._store.abandon(log_id)

    def flush(self) -> None:
        """Journal what was settled: at the end of each turn, after the lines were flushed."""

    def when_written(self, then: Callable[[StorageError | None], None]) -> None:
        """Call `then` when everything settled so far survives our death (kill -9)."""
        then(None)

    def tick(self) -> None:
        """Do what is to be done now and then: about once a second."""

    def close(self) -> None:
        """The end is near: leave everything exact. Then the store is to be closed."""


__all__ = ["JOURNAL_LOG_ID", "LINE_LOG", "Lines", "Log"]
