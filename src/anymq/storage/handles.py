"""Handles: open files, the least recently used dropped first.

Dropping forgets our reference only: whoever still reads or writes the file keeps it open.
"""

import errno
from collections import OrderedDict

from anymq.storage.errors import LogFailed, StorageError, TooManyFiles
from anymq.storage.files import File, Files

HANDLES_MAX = 512  # with sockets beside it, within the usual limit of 1,024 descriptors


class Handles:
    """Open files by path. On the broker's thread only."""

    def __init__(self, files: Files, limit: int = HANDLES_MAX) -> None:
        self._files = files
        self._limit = limit
        self._open: OrderedDict[str, File] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def find(self, path: str) -> File | None:
        """Return the file when it is open already."""
        file = self._open.get(path)
        if file is not None:
            self._open.move_to_end(path)
        return file

    def get(self, path: str) -> File:
        """Return the file, opened if need be. TooManyFiles when the system has no descriptor."""
        return self.find(path) or self.put(path, self._opened(path))

    def put(self, path: str, file: File) -> File:
        """Keep a file that was opened elsewhere."""
        self._open[path] = file
        if len(self._open) > self._limit:
            self._open.popitem(last=False)
        return file

    def drop(self, path: str) -> None:
        """Forget a file: it was renamed, replaced or deleted."""
        self._open.pop(path, None)

    def shrink(self) -> bool:
        """Give back half: somebody could not open a file. Say whether there was any."""
        count = (len(self._open) + 1) // 2
        for _ in range(count):
            self._open.popitem(last=False)
        return count > 0

    def clear(self) -> None:
        """Forget all."""
        self._open.clear()

    def _opened(self, path: str) -> File:
        try:
            return self._files.open(path)
        except OSError as error:
            if not out_of_handles(error):
                raise
        self.shrink()
        try:
            return self._files.open(path)
        except OSError as error:
            if out_of_handles(error):
                raise TooManyFiles("no file descriptor is free") from error
            raise


def error_of_read(path: str, error: OSError) -> StorageError:
    """Return what to say when a file cannot be read."""
    if out_of_handles(error):
        return TooManyFiles("no file descriptor is free")
    return LogFailed(f"{path}: {error}")


def out_of_handles(error: OSError) -> bool:
    """Is this about descriptors, and not about the file?"""
    return error.errno in (errno.EMFILE, errno.ENFILE)
