"""A disk of its own that loses power when told to. Only root can mount one."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024
DISK_BYTES = 256 * MIB
FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = struct.pack("I", 2)  # nothing more is written, not even the journal


class LoopDisk:
    """An ext4 in a file."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "disk.img"
        self.path = folder / "disk"
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(DISK_BYTES)
        _must("mkfs.ext4", "-q", "-F", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Plug it in; its journal is replayed."""
        _must("mount", "-o", "loop", str(self._image), str(self.path))

    def unmount(self) -> None:
        """Pull it out; nobody may have a file of it open."""
        _must("umount", str(self.path))

    def cut(self) -> None:
        """The power is gone, and with it what was not synced. Who writes now gets an error."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, NO_LOG_FLUSH)
        finally:
            os.close(folder)


def _must(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{argv[0]}: {done.stderr.strip()}")


@contextmanager
def loop_disk(folder: Path) -> Iterator[LoopDisk]:
    """An empty one, while the block lasts; a machine that has none skips the test."""
    try:
        disk = LoopDisk(folder)
    except OSError as error:
        pytest.skip(f"this machine mounts no ext4 on a loop device: {error}")
    try:
        yield disk
    finally:
        disk.unmount()
