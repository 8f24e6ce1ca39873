"""SimFiles must be at least as cruel as a disk, and never crueller than POSIX allows."""

import errno
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.storage.errors import DirectoryInUse
from anymq.testing.simfs import SimFiles

CRASHES = 300


def images(files: SimFiles, count: int = CRASHES) -> list[SimFiles]:
    return [files.crash(Random(seed)) for seed in range(count)]


def outcomes(files: SimFiles, path: str) -> set[bytes | None]:
    """What may be in a file after a crash; None when it is not there."""
    return {image.content(path) if image.exists(path) else None for image in images(files)}


@pytest.fixture
def files() -> SimFiles:
    return SimFiles()


@pytest.fixture
def synced(files: SimFiles) -> SimFiles:
    """A directory with one durable file of two sectors."""
    files.put("d/a", b"A" * 1024)
    return files


def test_what_was_written_can_be_read_at_once(files: SimFiles) -> None:
    file = files.open("a", create=True)
    assert file.pwritev([b"he", memoryview(b"llo")], 0) == 5
    assert file.pwritev([b"!"], 7) == 1
    assert file.pread(100, 0) == b"hello\0\0!"
    file.truncate(2)
    assert (file.size(), file.pread(100, 1)) == (2, b"e")


def test_synced_data_with_a_synced_name_always_survives(files: SimFiles) -> None:
    file = files.open("a", create=True)
    file.pwritev([b"hello"], 0)
    file.sync()
    files.sync_dir("")
    assert outcomes(files, "a") == {b"hello"}


def test_without_dir_sync_even_a_synced_file_may_be_gone(files: SimFiles) -> None:
    files.open("a", create=True).sync()
    assert outcomes(files, "a") == {b"", None}


def test_a_lost_directory_takes_its_files_along(files: SimFiles) -> None:
    files.make_dir("d")
    files.open("d/a", create=True).sync()
    files.sync_dir("d")
    assert {image.exists("d/a") for image in images(files)} == {True, False}
    files.sync_dir("")
    assert outcomes(files, "d/a") == {b""}


def test_unsynced_writes_tear_at_sectors_and_only_there(synced: SimFiles) -> None:
    synced.open("d/a").pwritev([b"B" * 600], 100)
    seen = outcomes(synced, "d/a")
    old, new = b"A" * 1024, b"A" * 100 + b"B" * 600 + b"A" * 324
    torn = {new[:512] + old[512:], old[:512] + new[512:]}
    assert seen == {old, new} | torn


def test_size_may_grow_without_the_data(synced: SimFiles) -> None:
    synced.open("d/a").pwritev([b"B" * 512], 1024)
    seen = outcomes(synced, "d/a")
    assert b"A" * 1024 + bytes(512) in seen
    assert b"A" * 1024 in seen
    assert b"A" * 1024 + b"B" * 512 in seen
    assert all(data is not None and data.startswith(b"A" * 1024) for data in seen)


def test_a_later_write_may_survive_an_earlier_one(synced: SimFiles) -> None:
    file = synced.open("d/a")
    file.pwritev([b"B" * 512], 0)
    file.pwritev([b"C" * 512], 512)
    assert b"A" * 512 + b"C" * 512 in outcomes(synced, "d/a")


def test_order_across_files_is_not_kept(files: SimFiles) -> None:
    for path in ("a", "b"):
        files.put(path, b"0")
    for path in ("a", "b"):
        files.open(path).pwritev([b"1"], 0)
    seen = {(image.content("a"), image.content("b")) for image in images(files)}
    assert seen == {(x, y) for x in (b"0", b"1") for y in (b"0", b"1")}


def test_an_unsynced_cut_may_come_undone(synced: SimFiles) -> None:
    file = synced.open("d/a")
    file.truncate(10)
    assert outcomes(synced, "d/a") == {b"A" * 10, b"A" * 1024}
    file.sync()
    assert outcomes(synced, "d/a") == {b"A" * 10}


def test_a_rename_is_whole_or_not_at_all(synced: SimFiles) -> None:
    synced.put("d/b", b"old")
    synced.rename("d/a", "d/b")
    seen = {(image.exists("d/a"), image.content("d/b")) for image in images(synced)}
    assert seen == {(True, b"old"), (False, b"A" * 1024)}
    synced.sync_dir("d")
    assert outcomes(synced, "d/a") == {None}


def test_rename_of_an_unsynced_file_may_leave_it_empty(files: SimFiles) -> None:
    """The classic: write new, rename over old, no sync between: the old content is lost."""
    files.put("a", b"old")
    files.open("b", create=True).pwritev([b"new"], 0)
    files.rename("b", "a")
    files.sync_dir("")
    assert b"" in outcomes(files, "a")


def test_an_unsynced_unlink_may_come_undone(synced: SimFiles) -> None:
    handle = synced.open("d/a")
    synced.unlink("d/a")
    synced.unlink("d/a")
    assert outcomes(synced, "d/a") == {None, b"A" * 1024}
    assert handle.pread(2, 0) == b"AA", "an open file outlives its name"
    synced.sync_dir("d")
    assert outcomes(synced, "d/a") == {None}


def test_a_directory_may_be_half_deleted(synced: SimFiles) -> None:
    synced.put("d/b", b"")
    synced.remove_dir("d")
    assert not synced.exists("d")
    assert len({tuple(image.paths()) for image in images(synced)}) == 4


def test_a_directory_is_renamed_with_what_is_in_it(synced: SimFiles) -> None:
    synced.rename("d", "e")
    assert synced.list("") == ["e"]
    assert {tuple(image.paths()) for image in images(synced)} == {("d/a",), ("e/a",)}


def test_syncing_everything_keeps_everything(files: SimFiles) -> None:
    files.make_dir("x/y")
    files.open("x/y/a", create=True).pwritev([b"1"], 0)
    files.sync_all()
    assert outcomes(files, "x/y/a") == {b"1"}


def test_our_death_alone_loses_nothing(files: SimFiles) -> None:
    files.open("a", create=True).pwritev([b"1"], 0)
    assert files.killed().content("a") == b"1"


def test_after_a_failed_sync_no_later_sync_saves_the_data(synced: SimFiles) -> None:
    """fsyncgate: the kernel takes the pages for clean once it has told about the error."""
    file = synced.open("d/a")
    file.pwritev([b"B" * 512], 0)
    synced.fault("sync", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        file.sync()
    file.pwritev([b"C" * 512], 512)
    file.sync()
    seen = outcomes(synced, "d/a")
    assert seen == {b"A" * 512 + b"C" * 512, b"B" * 512 + b"C" * 512}


def test_after_a_failed_sync_of_everything_too(synced: SimFiles) -> None:
    synced.open("d/a").pwritev([b"B" * 512], 0)
    synced.fault("sync_all", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        synced.sync_all()
    synced.sync_all()
    assert outcomes(synced, "d/a") == {b"A" * 1024, b"B" * 512 + b"A" * 512}


def test_faults_strike_as_planned(files: SimFiles) -> None:
    file = files.open("a", create=True)
    plan = files.fault("pwritev", errno.EIO, skip=1, times=2)
    assert file.pwritev([b"x"], 0) == 1
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            file.pwritev([b"x"], 0)
    assert file.pwritev([b"x"], 0) == 1
    assert plan.hits == 2


def test_a_short_write_is_no_error(files: SimFiles) -> None:
    file = files.open("a", create=True)
    files.fault("pwritev", short=2, when=lambda path: path == "a")
    assert file.pwritev([b"hello"], 0) == 2
    assert file.pread(9, 0) == b"he"


@pytest.mark.parametrize("op", ["open", "rename", "unlink", "sync_dir", "make_dir", "pread"])
def test_any_call_can_fail(synced: SimFiles, op: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "open": lambda: synced.open("d/b", create=True),
        "rename": lambda: synced.rename("d/a", "d/b"),
        "unlink": lambda: synced.unlink("d/a"),
        "sync_dir": lambda: synced.sync_dir("d"),
        "make_dir": lambda: synced.make_dir("e"),
        "pread": lambda: synced.open("d/a").pread(1, 0),
    }
    before = synced.paths()
    synced.fault(op, errno.EMFILE)
    with pytest.raises(OSError) as caught:
        calls[op]()
    assert caught.value.errno == errno.EMFILE
    assert synced.paths() == before


def test_a_full_disk_takes_what_fits_and_then_refuses() -> None:
    files = SimFiles(capacity=8)
    file = files.open("a", create=True)
    assert file.pwritev([b"x" * 6], 0) == 6
    assert file.pwritev([b"y" * 6], 6) == 2
    with pytest.raises(OSError, match="No space"):
        file.pwritev([b"z"], 8)
    assert file.pwritev([b"z"], 0) == 1, "what is there can be overwritten"
    file.truncate(0)
    assert files.free_bytes() == 8


def test_handles_run_out_and_come_back() -> None:
    files = SimFiles(handles_max=1)
    first = files.open("a", create=True)
    with pytest.raises(OSError, match="Too many open files"):
        files.open("b", create=True)
    first.close()
    assert files.open("a").size() == 0


def test_a_dropped_handle_is_closed(files: SimFiles) -> None:
    handle = files.open("a", create=True)
    assert files.open_handles() == 1
    del handle
    assert files.open_handles() == 0


def test_missing_files_are_reported_as_by_the_system(files: SimFiles) -> None:
    with pytest.raises(FileNotFoundError):
        files.open("a")
    with pytest.raises(FileNotFoundError):
        files.rename("a", "b")
    with pytest.raises(FileNotFoundError):
        files.open("no/a", create=True)
    assert files.list("no") == []
    files.unlink("a")
    files.remove_dir("no")


def test_one_lock_at_a_time(files: SimFiles) -> None:
    held = files.lock("LOCK")
    with pytest.raises(DirectoryInUse):
        files.lock("LOCK")
    files.killed().lock("LOCK")
    held.close()
    files.lock("LOCK")


def test_each_changing_call_tells_first(files: SimFiles) -> None:
    seen: list[tuple[str, str, int]] = []
    files.on_syscall = lambda op, path: seen.append((op, path, len(files.paths())))
    files.make_dir("d")
    file = files.open("d/a", create=True)
    file.pwritev([b"1"], 0)
    file.pread(1, 0)
    file.sync()
    files.sync_dir("d")
    files.unlink("d/a")
    assert [op for op, _path, _count in seen] == [
        *("make_dir", "open", "pwritev", "sync", "sync_dir", "unlink")
    ]
    assert [count for _op, _path, count in seen] == [0, 0, 1, 1, 1, 1]


def test_flipped_bits(synced: SimFiles) -> None:
    assert synced.crash(Random(1), flips=1).content("d/a") != synced.content("d/a")


@given(st.integers(0, 2**32), st.data())
def test_what_was_synced_is_there_whatever_came_later(seed: int, data: st.DataObject) -> None:
    """Random writes and syncs: every byte is the synced one or one written there since."""
    rng, files = Random(seed), SimFiles()
    file = files.open("a", create=True)
    files.sync_dir("")
    allowed: list[set[int]] = []
    for _ in range(data.draw(st.integers(1, 8))):
        if rng.random() < 0.3:
            file.sync()
            allowed = [{byte} for byte in file.pread(10_000, 0)]
            continue
        position, piece = rng.randrange(1500), rng.randbytes(rng.randrange(1, 1200))
        file.pwritev([piece], position)
        allowed += [{0} for _ in range(position + len(piece) - len(allowed))]
        for at, byte in enumerate(piece, position):
            allowed[at].add(byte)
    content = files.crash(rng).content("a")
    assert all(byte in allowed[at] for at, byte in enumerate(content))
    assert len(content) <= file.size()
