"""The few things we ask of a file system, so that a test can be the file system.

Paths are relative to the data directory, with `/`, and made by us: names that clients choose
never become paths. Everything here blocks or returns.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Buffer = bytes | bytearray | memoryview


class File(Protocol):
    """One open file. Dropping the last reference closes it, so a reader keeps it alive."""

    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        """Write the buffers one after another at `position`; return how many bytes got written.

        May write less than asked, as the system call does: `write_all` goes on.
        """

    def pread(self, size: int, position: int) -> bytes:
        """Read up to `size` bytes."""

    def sync(self) -> None:
        """Return once every byte written so far, and the size, would survive a power cut."""

    def truncate(self, size: int) -> None:
        """Cut the file, or lengthen it with zeros."""

    def size(self) -> int:
        """Return how many bytes there are."""

    def fileno(self) -> int:
        """Return the descriptor, for sendfile; -1 where there is none."""

    def close(self) -> None:
        """Close now; harmless when closed."""


def write_all(file: File, buffers: Sequence[Buffer], position: int) -> None:
    """Write the buffers, all of them, however little one call takes."""
    left = sum(map(len, buffers))
    while True:
        written = file.pwritev(buffers, position)
        left -= written
        if left <= 0:
            return
        if written <= 0:
            raise OSError(errno.EIO, "nothing could be written")
        position += written
        buffers = _rest(buffers, written)


def _rest(buffers: Sequence[Buffer], written: int) -> list[Buffer]:
    """Return what is left of the buffers."""
    done = 0
    while written >= len(buffers[done]):
        written -= len(buffers[done])
        done += 1
    return [memoryview(buffers[done])[written:], *buffers[done + 1 :]]


class Files(Protocol):
    """One data directory."""

    def open(self, path: str, *, create: bool = False) -> File:
        """Open to read and write. FileNotFoundError when it is not there and not to be made."""

    def list(self, path: str) -> list[str]:
        """Return the names in a directory, in order; none when there is no such directory."""

    def exists(self, path: str) -> bool:
        """Is there a file or directory of this name?"""

    def make_dir(self, path: str) -> None:
        """Make a directory and those above it; harmless when it is there."""

    def rename(self, old: str, new: str) -> None:
        """Rename a file or directory, replacing a file; durable only after `sync_dir`."""

    def unlink(self, path: str) -> None:
        """Delete a file; harmless when it is not there."""

    def remove_dir(self, path: str) -> None:
        """Delete a directory with everything in it; harmless when it is not there."""

    def sync_dir(self, path: str) -> None:
        """Return once the names in this directory would survive a power cut."""

    def sync_all(self) -> None:
        """Return once everything written to this file system would survive (`syncfs`)."""

    def free_bytes(self) -> int:
        """Return how much space is left for us."""

    def lock(self, path: str) -> File:
        """Hold a lock until the returned file is closed; DirectoryInUse when another has it."""


@dataclass(frozen=True, slots=True)
class FileRange:
    """Bytes in a file, not read yet: sendfile takes them as they are."""

    file: File
    position: int
    size: int

    def read(self) -> bytes:
        """Read them."""
        return self.file.pread(self.size, self.position)
