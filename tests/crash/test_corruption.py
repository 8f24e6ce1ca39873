"""Damage anywhere in the data directory: no wrong byte is served, and nothing is lost in silence.

After a clean stop everything was synced, so whatever is missing or changed is damage, and people
must be told. `ANYMQ_CORRUPTIONS=100000` makes it a long run.
"""

import os
from collections.abc import Callable
from random import Random, SystemRandom

import pytest

from anymq.storage import batch as batches
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.log import Log
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles
from tests.crash.load import Load
from tests.crash.model import Promise, batches_of

CASES = int(os.environ.get("ANYMQ_CORRUPTIONS", "2000"))
PARTS = 5
CASES_PER_LOAD = 100
REPAIRS_MAX = 50


def flip(data: bytearray, rng: Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(data: bytearray, rng: Random) -> None:
    del data[rng.randrange(len(data)) :]


def zero(data: bytearray, rng: Random) -> None:
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 16, 512, 4096)))
    data[start:end] = bytes(end - start)


def scramble(data: bytearray, rng: Random) -> None:
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((8, 61, 512)))
    data[start:end] = rng.randbytes(end - start)


def lengthen(data: bytearray, rng: Random) -> None:
    data += rng.choice((bytes(512), rng.randbytes(100), bytes(data[-100:])))


DAMAGES: list[Callable[[bytearray, Random], None]] = [flip, flip, cut, zero, scramble, lengthen]


def damaged(files: SimFiles, rng: Random) -> tuple[SimFiles, str, str]:
    """Return a copy with one file damaged, and what was done to it."""
    copy = files.killed()
    path = rng.choice([p for p in copy.paths() if copy.content(p) and p != "LOCK"])
    before = copy.content(path)
    damage = rng.choice(DAMAGES)
    data = bytearray(before)
    while data == before:
        damage(data, rng)
    copy.put(path, bytes(data))
    return copy, path, damage.__name__


def read_with_repairs(store: LogStore, log: Log) -> list[bytes]:
    """Read it all as a consumer does who comes again after each error."""
    for _ in range(REPAIRS_MAX):
        try:
            found = []
            for header, batch in batches_of(log):
                assert batches.crc_of(batch) == header.crc, "a damaged batch was served"
                found.append(batch)
            return found
        except CorruptBatch:
            for work in store.maintenance(1):
                work.run()
                work.done()
    raise AssertionError("damage is reported again and again")


def check_damaged(files: SimFiles, promises: list[Promise], before: dict[int, list[bytes]]) -> None:
    try:
        store = LogStore.open(files, disk_free_min=0)
    except UnknownVersion:
        return  # refusing to start is telling
    for promise in promises:
        log = store.open_log(promise.log_id, promise.config)
        found = read_with_repairs(store, log)
        whole = before[promise.log_id]
        assert set(found) <= set(whole), f"log {log.id}: something nobody wrote"
        order = {batch: at for at, batch in enumerate(whole)}
        assert sorted(found, key=order.__getitem__) == found, f"log {log.id}: out of order"
        assert found == whole or store.reports, f"log {log.id}: lost in silence"
        assert log.end >= promise.visible, f"log {log.id}: offsets would be given out again"


def corrupt_one_load(seed: int, cases: int) -> None:
    load = Load(seed)
    load.run()
    load.reopen()
    living = [promise for promise in load.promises if not promise.deleted]
    before = {
        p.log_id: [batch for _, batch in batches_of(load.store.logs[p.log_id])] for p in living
    }
    load.store.close()
    for case in range(cases):
        rng = Random(seed * 1_000_003 + case)
        files, path, what = damaged(load.files, rng)
        try:
            check_damaged(files, living, before)
        except Exception as error:
            raise AssertionError(f"case {case}, {what} {path}: {error}") from error


@pytest.mark.timeout(60 + CASES // 10)
@pytest.mark.parametrize("part", range(PARTS))
def test_damage_is_noticed_and_never_served(part: int) -> None:
    replay = os.environ.get("ANYMQ_SEED")
    for _ in range(CASES // PARTS // CASES_PER_LOAD):
        seed = int(replay) if replay is not None else SystemRandom().randrange(2**32)
        try:
            corrupt_one_load(seed, CASES_PER_LOAD)
        except Exception as error:
            raise AssertionError(f"replay with ANYMQ_SEED={seed}") from error
