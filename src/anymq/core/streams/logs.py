"""Logs: what the core needs of a data directory."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from anymq.storage.backlog import Backlog
from anymq.storage.log import Log, LogConfig
from anymq.storage.work import Work

T = TypeVar("T")


class Logs(Protocol):
    """One data directory: `storage.store.LogStore`."""

    @property
    def backlog(self) -> Backlog:
        """What was appended and waits to be written."""

    def create(self, log_id: int, config: LogConfig) -> Log:
        """Return a log that is not there yet; nothing is on disk before the first append."""

    def open_log(self, log_id: int, config: LogConfig) -> Log:
        """Return a log that may be there."""

    def read_whole(self, log: Log, read: Callable[[], T]) -> T:
        """Return what `read` makes of a log; what is damaged in it is put aside first."""

    def delete(self, log_id: int) -> Work:
        """Return the work that takes a log away; harmless when it is not there."""

    def abandon(self, log_id: int, why: Exception) -> None:
        """Let go of a log that nobody will ask for again; what is on disk of it stays."""

    def end_of(self, log_id: int) -> int | None:
        """Return where the next record of a log goes; None when nobody has opened such a log."""

    def ids(self) -> Iterable[int]:
        """Return the logs that are on disk."""

    def maintenance(self, now_ms: int) -> list[Work]:
        """Return what is to be done by now: segments to close, old ones to drop, …"""
