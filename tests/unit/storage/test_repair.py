"""Damage: no wrong byte is served, nothing is lost in silence, the rest stays readable."""

import os
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.storage.stores import (
    SMALL,
    append,
    do,
    fill,
    open_store,
    read_all,
    tick,
    turn,
    whole_batches,
    write,
)

from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.log import Durability, Log
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

SYNCED = replace(SMALL, durability=Durability.COMMIT)
FIRST = "logs/20/00000000000000000000.log"


@pytest.fixture
def files() -> SimFiles:
    files = SimFiles()
    store = open_store(files)
    fill(store, store.create(20, SMALL), 35)
    tick(store)
    store.close()
    return files


def damage(files: SimFiles, path: str, position: int, count: int = 1) -> bytes:
    """Turn over some bits; return what is there then."""
    data = bytearray(files.content(path))
    for i in range(position, min(position + count, len(data))):
        data[i] ^= 0x55
    files.put(path, bytes(data))
    return bytes(data)


def bases(log: Log) -> list[int]:
    return [base for base, _ in read_all(log)]


def read_with_repairs(store: LogStore, log: Log) -> list[tuple[int, bytes]]:
    """Read to the end, as a consumer that tries again when it is told of damage."""
    found: list[tuple[int, bytes]] = []
    offset, refused = log.start, 0
    while True:
        try:
            part = log.read(offset, 300)
        except CorruptBatch:
            refused += 1
            assert refused < 100, "damage that nobody repairs"
            tick(store)
            continue
        if part is None:
            return found
        for base, next_offset, payload in whole_batches(part.read()):
            found.append((base, payload))
            offset = next_offset


def quarantined(files: SimFiles) -> bytes:
    return b"".join(files.content(p) for p in files.paths() if p.endswith(".quarantine"))


def test_a_damaged_batch_is_refused_then_put_aside(files: SimFiles) -> None:
    size = len(files.content(FIRST)) // 10
    data = damage(files, FIRST, 3 * size + 70)
    store = open_store(files)
    log = store.open_log(20, SMALL)
    assert log.read(0, 2 * size) is not None, "what is before it can be read"
    with pytest.raises(CorruptBatch):
        log.read(3, 1000)
    tick(store)
    assert bases(log) == [i for i in range(35) if i != 3]
    assert quarantined(files) == data[3 * size : 4 * size]
    assert "quarantine" in store.reports[0]
    store.close()
    again = open_store(files)
    assert bases(again.open_log(20, SMALL)) == [i for i in range(35) if i != 3]


@pytest.mark.parametrize("at", [0, 8, 16, 60])
def test_a_damaged_first_batch(files: SimFiles, at: int) -> None:
    """Its length may be wrong too: the next batch is searched for."""
    damage(files, FIRST, at)
    store = open_store(files)
    log = store.open_log(20, SMALL)
    assert [base for base, _ in read_with_repairs(store, log)] == list(range(1, 35))


def test_a_batch_that_says_it_ends_before_what_it_holds() -> None:
    """The last of its segment, and somebody reads from its middle on: nothing comes after it."""
    files = SimFiles()
    store = open_store(files)
    log = store.create(20, SMALL)
    append(log, bytes(900), count=5)
    fill(store, log, 2)
    tick(store)
    store.close()
    data = bytearray(files.content(FIRST))
    assert data[23:27] == b"\0\0\0\4"  # how many offsets come after its first one
    data[26] = 0
    files.put(FIRST, bytes(data))
    store = open_store(files)
    log = store.open_log(20, SMALL)
    with pytest.raises(CorruptBatch):
        log.read(2, 1000)
    assert [base for base, _ in read_with_repairs(store, log)] == [5, 6]
    assert "quarantine" in store.reports[0]


def test_damage_in_the_active_segment(files: SimFiles) -> None:
    active = max(path for path in files.paths() if path.endswith(".log"))
    damage(files, active, 100)
    store = open_store(files)
    log = store.open_log(20, SMALL)
    append(log)
    tick(store)  # nothing was read yet: nothing is known
    turn(store)
    found = [base for base, _ in read_with_repairs(store, log)]
    assert found == [i for i in range(36) if i != 31]
    assert write(store, log) == 36


def test_readers_keep_the_file_they_have(files: SimFiles) -> None:
    store = open_store(files)
    log = store.open_log(20, SMALL)
    part = log.read(0, 100)
    size = len(files.content(FIRST)) // 10
    damage(files, FIRST, 5 * size + 70)
    with pytest.raises(CorruptBatch):
        log.read(5, 1000)
    tick(store)
    assert part is not None
    assert len(part.read()) == part.size


def test_a_missing_file(files: SimFiles) -> None:
    files.unlink(FIRST)
    store = open_store(files)
    log = store.open_log(20, SMALL)
    assert [base for base, _ in read_with_repairs(store, log)] == list(range(10, 35))
    assert "missing" in store.reports[0]


def test_repair_may_crash_anywhere(files: SimFiles) -> None:
    """Doing it again changes nothing."""
    size = len(files.content(FIRST)) // 10
    damage(files, FIRST, 3 * size + 70)
    damage(files, FIRST, 7 * size + 70)
    expected = [i for i in range(35) if i not in (3, 7)]
    images: list[SimFiles] = []
    rng = Random(1)
    store = open_store(files)
    log = store.open_log(20, SMALL)
    files.on_syscall = lambda op, path: images.extend(
        (files.killed(), files.crash(rng), files.crash(rng))
    )
    assert [base for base, _ in read_with_repairs(store, log)] == expected
    files.on_syscall = None
    assert len(images) > 30
    for image in images:
        store = open_store(image)
        log = store.open_log(20, SMALL)
        assert [base for base, _ in read_with_repairs(store, log)] == expected
        assert write(store, log) == 35


@st.composite
def damages(draw: st.DrawFn) -> tuple[int, float, str, int]:
    kind = draw(st.sampled_from(["flip", "zero", "cut", "lose"]))
    return draw(st.integers(0, 99)), draw(st.floats(0, 1)), kind, draw(st.integers(1, 200))


def inflict(files: SimFiles, harm: tuple[int, float, str, int]) -> None:
    which, where, kind, count = harm
    paths = files.paths()
    path = paths[which % len(paths)]
    data = bytearray(files.content(path))
    at = int(where * len(data))
    if kind == "flip" and at < len(data):
        data[at] ^= 1 << (count % 8)
    elif kind == "zero":
        data[at : at + count] = bytes(len(data[at : at + count]))
    elif kind == "cut":
        del data[at:]
    if kind == "lose":
        files.unlink(path)
    else:
        files.put(path, bytes(data))


@settings(deadline=None, max_examples=int(os.environ.get("ANYMQ_DAMAGES", "200")))
@given(st.lists(damages(), min_size=1, max_size=3), st.booleans(), st.integers(0, 40))
def test_damage_anywhere(
    harms: list[tuple[int, float, str, int]], clean: bool, batches: int
) -> None:
    """In data, indexes, checkpoint, states: what is served is right, what is lost is told."""
    files = SimFiles()
    store = open_store(files)
    log = store.create(20, SYNCED)
    log.state_source = lambda: b"state"
    fill(store, log, batches)
    tick(store)
    sent = dict(read_all(log))
    store.close() if clean else do(store.checkpoint())  # either vouches for all of it
    files = files.killed()
    for harm in harms:
        inflict(files, harm)
    try:
        store = open_store(files)
    except UnknownVersion:
        return
    log = store.open_log(20, SYNCED)
    log.state_source = lambda: b"state"
    found = read_with_repairs(store, log)
    assert all(sent[base] == payload for base, payload in found)
    assert [base for base, _ in found] == sorted({base for base, _ in found})
    assert store.reports or len(found) == batches, "lost in silence"
    end = log.end
    assert write(store, log) == end
    tick(store)
    assert read_with_repairs(store, log)[:-1] == found
    store.close()
    again = open_store(files)
    assert read_with_repairs(again, again.open_log(20, SYNCED))[:-1] == found
