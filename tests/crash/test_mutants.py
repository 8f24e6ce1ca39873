"""The crash tests can fail: each classic mistake, planted, is caught within a few loads."""

from collections.abc import Callable

import pytest

from anymq.storage import batch as batches
from anymq.storage.batch import read_header
from anymq.testing.simfs import SimFile, SimFiles
from tests.crash.test_images import crash_everywhere

LOADS = 6
IMAGES_PER_LOAD = 400

Plant = Callable[[pytest.MonkeyPatch], None]


def acknowledged_before_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimFile, "sync", lambda self: None)
    patch.setattr(SimFiles, "sync_all", lambda self: None)


def new_names_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimFiles, "sync_dir", lambda self, path: None)


def torn_tails_trusted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(batches, "crc_of", lambda data: read_header(data).crc)


def renamed_before_written(patch: pytest.MonkeyPatch) -> None:
    """A cleaned segment takes its name before its content is on the disk."""
    sync = SimFile.sync

    def forgetful(self: SimFile) -> None:
        if not self._path.endswith(".cleaned"):
            sync(self)

    patch.setattr(SimFile, "sync", forgetful)


@pytest.mark.parametrize(
    "plant",
    [acknowledged_before_sync, new_names_not_synced, torn_tails_trusted, renamed_before_written],
)
def test_a_planted_mistake_is_caught(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        crash_some_loads()


def crash_some_loads() -> None:
    for seed in range(LOADS):
        crash_everywhere(seed, IMAGES_PER_LOAD)
