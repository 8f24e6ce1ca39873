"""What lay on the disk is checked when it is first read: once, and no more of it than is read."""

from pathlib import Path

import pytest
from tests.unit.storage.stores import fill, open_store

from anymq.storage.log import Durability, LogConfig
from anymq.storage.os_files import OsFile

CONFIG = LogConfig(durability=Durability.OS)
PIECE = 8 * 1024


def test_a_backlog_is_read_about_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once to compare checksums, once to be served: not as much as a whole scan for each piece."""
    store = open_store(tmp_path)
    fill(store, store.create(20, CONFIG), 600, size=2048)
    store.close()
    store = open_store(tmp_path)
    log = store.open_log(20, CONFIG)
    size, read, offset = log.size_bytes(), 0, 0
    plain = OsFile.pread

    def counting(file: OsFile, size: int, position: int) -> bytes:
        nonlocal read
        read += size
        return plain(file, size, position)

    monkeypatch.setattr(OsFile, "pread", counting)
    while (found := log.read(offset, PIECE)) is not None:
        offset += len(found.read()) // 2048
    assert offset == log.end
    assert size < read < 3.5 * size, "asked for far more than there is"
    read, offset = 0, 0
    while (found := log.read(offset, PIECE)) is not None:
        offset += len(found.read()) // 2048
    assert read < 1.5 * size, "checked again"
