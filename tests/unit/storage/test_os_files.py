"""The real file system, as the storage relies on it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from anymq.storage.errors import DirectoryInUse
from anymq.storage.files import Buffer, FileRange, write_all
from anymq.storage.os_files import OsFile, OsFiles
from anymq.testing.simfs import SimFiles


@pytest.fixture
def files(tmp_path: Path) -> OsFiles:
    return OsFiles(tmp_path / "data")


@pytest.mark.parametrize("bytes_max", [1, 2, 3, 5, 7, 100])
def test_short_writes_go_on(bytes_max: int) -> None:
    """A disk that fills, or a signal, makes a write take less than it was given."""
    files = SimFiles()
    files.fault("pwritev", short=bytes_max, times=100)
    file = files.open("a", create=True)
    write_all(file, [b"abc", memoryview(b"defg"), b"", bytearray(b"h")], 0)
    assert files.content("a") == b"abcdefgh"


class Stubborn(OsFile):
    """Takes nothing, and does not say why."""

    @override
    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        return 0


def test_a_write_that_writes_nothing_is_an_error() -> None:
    with pytest.raises(OSError, match="nothing"):
        write_all(Stubborn(-1), [b"abc"], 0)


def test_more_buffers_than_one_call_takes(files: OsFiles) -> None:
    file = files.open("many", create=True)
    write_all(file, [b"%d," % i for i in range(3000)], 0)
    assert file.pread(100_000, 0) == b"".join(b"%d," % i for i in range(3000))


def test_a_file(files: OsFiles) -> None:
    with pytest.raises(FileNotFoundError):
        files.open("a")
    file = files.open("a", create=True)
    write_all(file, [b"0123456789"], 0)
    file.sync()
    assert file.pread(4, 2) == b"2345"
    assert FileRange(file, 8, 100).read() == b"89"
    file.truncate(5)
    assert (file.size(), files.open("a").pread(10, 0)) == (5, b"01234")
    assert file.fileno() >= 0
    file.close()
    file.close()
    assert file.fileno() == -1


def test_names(files: OsFiles) -> None:
    files.make_dir("logs/7")
    files.make_dir("logs/7")
    files.open("logs/7/b", create=True)
    files.open("logs/7/a", create=True)
    assert files.list("logs/7") == ["a", "b"]
    files.rename("logs/7/a", "logs/7/b")
    files.sync_dir("logs/7")
    files.sync_dir("")
    assert files.list("logs/7") == ["b"]
    files.unlink("logs/7/b")
    files.unlink("logs/7/b")
    assert files.exists("logs/7")
    files.remove_dir("logs")
    files.remove_dir("logs")
    assert not files.exists("logs")
    assert files.list("logs") == []


def test_whole_file_system(files: OsFiles) -> None:
    files.sync_all()
    assert files.free_bytes() > 0


def test_one_process_per_directory(files: OsFiles) -> None:
    lock = files.lock("LOCK")
    with pytest.raises(DirectoryInUse):
        files.lock("LOCK")
    lock.close()
    files.lock("LOCK").close()
