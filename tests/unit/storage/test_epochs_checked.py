"""Leader epochs are outside the checksum; the epochs file, which has its own, knows better."""

import pytest
from tests.unit.storage.batches import make_batch, with_header
from tests.unit.storage.stores import append, tick, turn

from anymq.storage.batch import read_header
from anymq.storage.errors import CorruptBatch
from anymq.storage.log import LogConfig
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

PATH = "logs/20/00000000000000000000.log"


def test_a_damaged_leader_epoch_is_put_right_and_told() -> None:
    files = SimFiles()
    store = LogStore.open(files, disk_free_min=0)
    log = store.create(20, LogConfig())
    append(log)
    turn(store)
    store.close()
    data = bytearray(files.content(PATH))
    data[13] ^= 4
    files.put(PATH, bytes(data))
    store = LogStore.open(files, disk_free_min=0)
    log = store.open_log(20, LogConfig())
    with pytest.raises(CorruptBatch, match="leader epoch"):
        log.read(0, 1000)
    for now in (1, 2):
        tick(store, now)
    part = log.read(0, 1000)
    assert part is not None
    assert read_header(part.read()).leader_epoch == 0
    assert "leader epoch" in store.reports[0]


def test_an_epoch_never_goes_back() -> None:
    store = LogStore.open(SimFiles(), disk_free_min=0)
    log = store.create(20, LogConfig())
    batch, header = with_header(make_batch(b"x", count=1, timestamp=1))
    for epoch in (3, 2):
        log.append(batch, header, epoch)
    turn(store)
    part = log.read(0, 1000)
    assert part is not None
    second = part.read()[len(batch) :]
    assert read_header(second).leader_epoch == 3
