"""OsFiles: the real file system, under one directory."""

import ctypes
import errno
import fcntl
import os
import resource
import shutil
from collections.abc import Sequence
from contextlib import suppress

from typing_extensions import override

from anymq.storage.errors import DirectoryInUse
from anymq.storage.files import Buffer, File, Files
from anymq.storage.handles import HANDLES_MAX

_LIBC = ctypes.CDLL(None, use_errno=True)
_IOV_MAX = os.sysconf("SC_IOV_MAX") if hasattr(os, "sysconf") else 16
FILES_MAX = 65_536  # as many as we ever reckon with
_READ_WRITE = os.O_RDWR | os.O_CLOEXEC
_MODE = 0o640


class OsFile(File):
    """One descriptor. Python itself goes on after EINTR (PEP 475), so nothing here has to."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @override
    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        return os.pwritev(self._fd, buffers[:_IOV_MAX], position)

    @override
    def pread(self, size: int, position: int) -> bytes:
        return os.pread(self._fd, size, position)

    @override
    def sync(self) -> None:
        os.fdatasync(self._fd)

    @override
    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    @override
    def size(self) -> int:
        return os.fstat(self._fd).st_size

    @override
    def fileno(self) -> int:
        return self._fd

    @override
    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class OsFiles(Files):
    """The data directory `root`, which is made when it is not there."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.path.abspath(root)
        os.makedirs(self._root, exist_ok=True)

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    @override
    def open(self, path: str, *, create: bool = False) -> File:
        flags = _READ_WRITE | os.O_CREAT if create else _READ_WRITE
        return OsFile(os.open(self._path(path), flags, _MODE))

    @override
    def list(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(self._path(path)))
        except FileNotFoundError:
            return []

    @override
    def exists(self, path: str) -> bool:
        return os.path.exists(self._path(path))

    @override
    def make_dir(self, path: str) -> None:
        os.makedirs(self._path(path), exist_ok=True)

    @override
    def rename(self, old: str, new: str) -> None:
        os.replace(self._path(old), self._path(new))

    @override
    def unlink(self, path: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._path(path))

    @override
    def remove_dir(self, path: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._path(path))

    @override
    def sync_dir(self, path: str) -> None:
        fd = os.open(self._path(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    @override
    def sync_all(self) -> None:
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _sync_file_system(fd)
        finally:
            os.close(fd)

    @override
    def free_bytes(self) -> int:
        state = os.statvfs(self._root)
        return state.f_bavail * state.f_frsize

    @override
    def lock(self, path: str) -> File:
        file = self.open(path, create=True)
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise DirectoryInUse(f"another process works in {self._root}") from error
            raise
        return file


def usual_handles() -> int:
    """Return how many log files to keep open: with many, opening is what a write costs most.

    Connections need files as well; who finds none has us close some of these.
    """
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = FILES_MAX if most == resource.RLIM_INFINITY else most
    return max(HANDLES_MAX, min(most, FILES_MAX) * 3 // 4)


def _sync_file_system(fd: int) -> None:
    """Call syncfs, which Python does not have. ctypes lets go of the GIL meanwhile."""
    syncfs = getattr(_LIBC, "syncfs", None)
    if syncfs is None:  # not Linux
        os.sync()
    elif syncfs(fd) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
