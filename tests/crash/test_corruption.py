"""Damage anywhere in the data directory: no wrong byte is served, and nothing is lost in silence.

After a clean stop everything was synced, so whatever is missing or changed is damage, and people
must be told.
"""

from collections.abc import Callable
from random import Random

import pytest

from anymq.storage import batch as batches
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.log import Log
from anymq.storage.records import iterate
from anymq.storage.reserve import RESERVE
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles
from tests.crash.load import Load
from tests.crash.model import Found, Promise, batches_of, table_of
from tests.crash.seeds import EFFORT, run_loads

CASES = 2000 * EFFORT
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
    nothing = ("LOCK", RESERVE)  # nobody reads what is in there
    path = rng.choice([p for p in copy.paths() if copy.content(p) and p not in nothing])
    before = copy.content(path)
    damage = rng.choice(DAMAGES)
    data = bytearray(before)
    while data == before:
        damage(data, rng)
    copy.put(path, bytes(data))
    return copy, path, damage.__name__


def read_with_repairs(store: LogStore, log: Log, bytes_max: int) -> list[bytes]:
    """Read it all as a consumer does who comes again after each error."""
    for _ in range(REPAIRS_MAX):
        try:
            found = []
            for header, batch in batches_of(log, bytes_max=bytes_max):
                require(batches.crc_of(batch) == header.crc, "a damaged batch was served")
                found.append(batch)
            return found
        except CorruptBatch:
            for work in store.maintenance(1):
                work.run()
                work.done()
    raise AssertionError("damage is reported again and again")


def check_damaged(files: SimFiles, promises: list[Promise], before: Found, bytes_max: int) -> None:
    try:
        store = LogStore.open(files, disk_free_min=0)
    except UnknownVersion:
        return  # refusing to start is telling
    for promise in promises:
        log = store.open_log(promise.log_id, promise.config)
        found = read_with_repairs(store, log, bytes_max)
        try:
            check_found(promise, found)
            whole = lacks_nothing(promise, found, before[promise.log_id], log.start)
            require(whole or bool(store.reports), "lost in silence")
            require(log.end >= promise.visible, "offsets would be given out again")
        except AssertionError as error:
            raise AssertionError(f"log {log.id}: {error}") from error


def check_found(promise: Promise, found: list[bytes]) -> None:
    """All of it was written so, and comes in order."""
    next_offset = 0
    for batch in found:
        header = batches.read_header(batch)
        require(header.base_offset >= next_offset, "out of order")
        next_offset = header.next_offset
        if promise.config.rewritten:
            # Between offsets that are gone nothing tells that one was changed to another of them:
            # no checksum covers it. So only key and value are compared.
            sent = {row[1:] for row in promise.rows}
            for record in iterate(batch):
                require((record.key, record.value) in sent, f"wrong record {record.offset}")
            right = header.leader_epoch == promise.epoch_at(header.base_offset)
            require(right, f"wrong epoch at {header.base_offset}")
        else:
            known = promise.batches.get(header.base_offset, [])
            require(batch in known, f"wrong bytes at {header.base_offset}")


def require(fact: bool, what: str) -> None:
    """Like assert, without pages of bytes."""
    if not fact:
        raise AssertionError(what)


def lacks_nothing(promise: Promise, found: list[bytes], was: list[bytes], start: int) -> bool:
    """Is everything still there? Of a compacted log, that what a reader ends up with.

    Of a thinned one, what is not settled: while we looked at it, nobody owned it.
    """
    if promise.config.retention_bytes >= 0:  # a repair may make a segment more: the oldest goes
        was = [batch for batch in was if batches.read_header(batch).next_offset > start]
    if promise.config.compact:
        return table_of(found) == table_of(was)
    if promise.config.thinned:
        return _needed_rows(promise, was) <= _needed_rows(promise, found)
    return set(was) <= set(found)


def _needed_rows(promise: Promise, found: list[bytes]) -> set[tuple[int, bytes | None]]:
    rows = (record for batch in found for record in iterate(batch))
    return {(row.offset, row.value) for row in rows if row.offset not in promise.settled}


def corrupt_one_load(seed: int, wanted: int) -> int:
    """Damage what one load has left, once for each case; return how many."""
    load = Load(seed)
    load.run()
    load.reopen()
    living = [promise for promise in load.promises if not promise.deleted]
    before = {
        p.log_id: [batch for _, batch in batches_of(load.store.logs[p.log_id])] for p in living
    }
    load.store.close()
    cases = min(wanted, CASES_PER_LOAD)
    for case in range(cases):
        rng = Random(seed * 1_000_003 + case)
        files, path, what = damaged(load.files, rng)
        try:
            check_damaged(files, living, before, rng.choice((1, 500, 1 << 18)))
        except Exception as error:
            raise AssertionError(f"case {case}, {what} {path}: {error}") from error
    return cases


@pytest.mark.timeout(60 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_damage_is_noticed_and_never_served(part: int) -> None:
    """A reader gets what was written, or an error; and a missing record is reported."""
    run_loads(f"corruption {part}", CASES // PARTS, corrupt_one_load)
