"""The data directory: who may work in it, and which version wrote it.

LOCK  VERSION  checkpoint  clean  sync-failed  reserve
logs/<id>/  <base>.log  <base>.index  <offset>.state  epochs  start  *.quarantine
"""

from collections.abc import Sequence

from typing_extensions import override

from anymq.storage import checkpoint
from anymq.storage.disk import Disk
from anymq.storage.errors import UnknownVersion
from anymq.storage.files import File, Files
from anymq.storage.small_files import Damaged, read_whole, replace_whole
from anymq.storage.work import Work

VERSION = "1"
LOGS = "logs"
_DELETED = ".deleted"


def take(files: Files) -> File:
    """Lock the directory and make it ours. DirectoryInUse, UnknownVersion."""
    lock = files.lock("LOCK")
    try:
        _check_version(files)
    except BaseException:
        lock.close()
        raise
    return lock


def _check_version(files: Files) -> None:
    try:
        content = read_whole(files, "VERSION", "version")
    except Damaged as error:
        raise UnknownVersion("the file VERSION is damaged") from error
    if content is None:
        _begin(files)
    elif content.decode().strip() != VERSION:
        raise UnknownVersion(f"the data is of version {content!r}, this program knows {VERSION}")


def _begin(files: Files) -> None:
    """Make an empty data directory."""
    if files.list(LOGS):
        raise UnknownVersion("there are logs, but no file VERSION says how they are written")
    files.make_dir(LOGS)
    checkpoint.write(files, checkpoint.encode({}))  # from now on there is one, or it was lost
    replace_whole(files, "VERSION", "version", f"{VERSION}\n".encode())


class Removal(Work):
    """Removes directories of deleted logs: renamed first, so that a crash leaves no half of one."""

    def __init__(self, disk: Disk, directories: Sequence[str]) -> None:
        self._disk = disk
        self._directories = directories
        self._errors: list[OSError] = []

    @override
    def run(self) -> None:
        for path in self._directories:
            try:
                _remove(self._disk.files, path)
            except OSError as error:
                self._errors.append(error)

    @override
    def done(self) -> None:
        for error in self._errors:
            self._disk.report(f"a deleted log was not removed: {error}")


def _remove(files: Files, path: str) -> None:
    doomed = path if path.endswith(_DELETED) else path + _DELETED
    if doomed != path and files.exists(path):
        files.remove_dir(doomed)
        files.rename(path, doomed)
        files.sync_dir(LOGS)
    files.remove_dir(doomed)


def half_removed(files: Files) -> list[str]:
    """Return the directories that a crash kept from being removed."""
    return [f"{LOGS}/{name}" for name in files.list(LOGS) if name.endswith(_DELETED)]
