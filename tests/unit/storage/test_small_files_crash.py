"""Small files: after a crash there is the old content or the new, or, unsynced, nothing whole."""

import errno
from random import Random

import pytest

from anymq.storage.small_files import Damaged, read_whole, replace_whole
from anymq.testing.simfs import SimFiles


def contents(files: SimFiles) -> set[bytes | None]:
    found: set[bytes | None] = set()
    for seed in range(300):
        try:
            found.add(read_whole(files.crash(Random(seed)), "a", "test"))
        except Damaged:
            found.add(None)
    return found


def test_old_or_new() -> None:
    files = SimFiles()
    replace_whole(files, "a", "test", b"old")
    replace_whole(files, "a", "test", b"new")
    assert contents(files) == {b"new"}


def test_what_a_failed_attempt_left_never_comes_back() -> None:
    """It has a right checksum of its own; it would be taken for what was written last."""
    files = SimFiles()
    replace_whole(files, "a", "test", b"first")
    files.fault("rename", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        replace_whole(files, "a", "test", b"failed")
    files.sync_all()
    replace_whole(files, "a", "test", b"last", sync=False)
    assert contents(files) <= {b"first", b"last", None}
