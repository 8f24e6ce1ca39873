"""Syncing without a commit: logs in interval mode, and everything at the end."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from typing_extensions import override

from anymq.storage import doubt
from anymq.storage.commit import SYNC_EACH_MAX
from anymq.storage.disk import Disk
from anymq.storage.errors import LogFailed
from anymq.storage.files import File, Files
from anymq.storage.handles import out_of_handles
from anymq.storage.log import Log, Mark
from anymq.storage.work import Work


@dataclass(slots=True)
class _Item:
    log: Log
    paths: list[str]
    mark: Mark  # what is durable then
    error: OSError | None = None
    skipped: bool = False  # no file could be opened: the next time


class Sync(Work):
    """Syncs what the logs have written by now."""

    def __init__(self, disk: Disk, logs: Iterable[Log]) -> None:
        self._files = disk.files
        self._items = [
            _Item(log, [segment.path for segment in unsynced], log.visible_mark)
            for log in logs
            if (unsynced := log.unsynced)
        ]

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
                doubt.note(self._files)
                item.error = error

    def _sync_all(self) -> None:
        try:
            self._files.sync_all()
        except OSError as error:
            doubt.note(self._files)
            for item in self._items:
                item.error = error

    @override
    def done(self) -> None:
        for item in self._items:
            if item.skipped:
                continue
            if item.error is None:
                item.log.synced(item.mark)
            else:
                item.log.fail(LogFailed(f"{item.log.directory}: {item.error}"))


def _sync(files: Files, item: _Item) -> None:
    opened = _open_all(files, item.paths)
    item.skipped = opened is None
    for file in opened or ():
        file.sync()
    if opened is not None:
        with suppress(FileNotFoundError):  # deleted meanwhile
            files.sync_dir(item.log.directory)
        files.sync_dir("logs")


def _open_all(files: Files, paths: list[str]) -> list[File] | None:
    """Open those that have not expired meanwhile; None when there are no descriptors for it."""
    opened = []
    for path in paths:
        try:
            opened.append(files.open(path))
        except FileNotFoundError:
            continue
        except OSError as error:
            if out_of_handles(error):
                return None
            raise
    return opened
