"""Syncing without a commit: logs in interval mode, and everything at the end."""

from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import override

from anymq.storage.commit import SYNC_EACH_MAX
from anymq.storage.disk import Disk
from anymq.storage.errors import LogFailed, TooManyFiles
from anymq.storage.files import File, Files
from anymq.storage.log import Log, Mark
from anymq.storage.work import Work


@dataclass(slots=True)
class _Item:
    log: Log
    files: list[File]
    mark: Mark  # what is durable then
    error: OSError | None = None


class Sync(Work):
    """Syncs what the logs have written by now."""

    def __init__(self, disk: Disk, logs: Iterable[Log]) -> None:
        self._files = disk.files
        items = (_item(disk, log) for log in logs if log.unsynced)
        self._items = [item for item in items if item is not None]

    @property
    def empty(self) -> bool:
        """Is there nothing to sync?"""
        return not self._items

    @override
    def run(self) -> None:
        if len(self._items) > SYNC_EACH_MAX:
            self._sync_all()
            return
        for item in self._items:
            try:
                _sync(self._files, item)
            except OSError as error:
                item.error = error

    def _sync_all(self) -> None:
        try:
            self._files.sync_all()
        except OSError as error:
            for item in self._items:
                item.error = error

    @override
    def done(self) -> None:
        for item in self._items:
            if item.error is not None:
                item.log.fail(LogFailed(f"{item.log.directory}: {item.error}"))
            else:
                item.log.synced(item.mark)


def _item(disk: Disk, log: Log) -> _Item | None:
    """Open what is to be synced; None when that cannot be done now: it is not synced yet, then."""
    try:
        files = [segment.file(disk.handles) for segment in log.unsynced]
    except TooManyFiles:
        return None
    return _Item(log, files, log.visible_mark)


def _sync(files: Files, item: _Item) -> None:
    for file in item.files:
        file.sync()
    files.sync_dir(item.log.directory)
    files.sync_dir("logs")
