"""A full disk, one that reports errors, no file descriptors, short writes: at random moments.

What was acknowledged survives a power cut at any later time; what was refused was refused with a
reason; readers go on.
"""

import errno
import os
from random import Random, SystemRandom

import pytest
from typing_extensions import override

from anymq.storage.errors import StorageError
from tests.crash.load import Load
from tests.crash.model import batches_of, check_image

LOADS = int(os.environ.get("ANYMQ_BAD_DISKS", "60"))
PASSING = (errno.ENOSPC, errno.EMFILE)
OPS = (
    "pwritev",
    "sync",
    "sync_all",
    "open",
    "rename",
    "sync_dir",
    "truncate",
    "unlink",
    "make_dir",
)


class BadDiskLoad(Load):
    """The same load; whatever the storage refuses is refused, everything else is kept."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.refusals: list[StorageError] = []

    @override
    def append(self) -> None:
        try:
            super().append()
        except StorageError as error:
            self.refusals.append(error)

    @override
    def commit_while_appending(self) -> None:
        self.append()
        self.commit()

    @override
    def replace_log(self) -> None:
        """Deleting is for another test."""

    @override
    def reopen(self) -> None:
        """A store with errors is not closed cleanly."""

    def read_all(self) -> None:
        """Readers go on, whatever became of the writers."""
        for promise in self.promises:
            log = self.store.logs[promise.log_id]
            found = [batch for _, batch in batches_of(log)]
            assert log.visible_end >= promise.visible
            if not promise.config.compact:
                assert found, "there is something"


def hurt(load: BadDiskLoad, rng: Random, number: int, op: str) -> None:
    load.files.fault(
        op,
        number,
        skip=rng.randrange(40),
        times=rng.choice((1, 1, 3)),
        short=rng.choice((None, 0, 1, 700)) if op == "pwritev" else None,
        when=lambda path: path != "LOCK",
    )


def run_on_bad_disk(seed: int, number: int) -> BadDiskLoad:
    rng, load = Random(~seed), BadDiskLoad(seed)
    load.run(40)
    for _ in range(4):
        hurt(load, rng, number, rng.choice(OPS))
        load.run(25)
        for power_cut in (True, False):
            image = load.files.crash(rng) if power_cut else load.files.killed()
            check_image(image, load.promises, rng, power_cut=power_cut)
    load.files.faults.clear()
    load.read_all()
    return load


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EMFILE])
def test_an_error_never_costs_what_was_acknowledged(number: int) -> None:
    replay = os.environ.get("ANYMQ_SEED")
    for _ in range(LOADS // 3):
        seed = int(replay) if replay is not None else SystemRandom().randrange(2**32)
        try:
            run_on_bad_disk(seed, number)
        except Exception as error:
            raise AssertionError(f"replay with ANYMQ_SEED={seed}: {error}") from error
