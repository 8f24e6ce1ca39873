"""The crash tests can fail: each classic mistake, planted, is caught within a few loads."""

from collections.abc import Callable

import pytest

from anymq.storage import batch as batches
from anymq.storage.batch import read_header
from anymq.storage.commit import Part
from anymq.storage.segment import INDEX
from anymq.storage.segment_writer import CLEANED
from anymq.testing.simfs import SimFile, SimFiles
from tests.crash.test_images import crash_everywhere

LOADS = 6
IMAGES_PER_LOAD = 400

Plant = Callable[[pytest.MonkeyPatch], None]


def acknowledged_before_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Part, "sync_files", lambda self, files: None)


def new_names_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimFiles, "sync_dir", lambda self, path: None)


def torn_tails_trusted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(batches, "crc_of", lambda data: read_header(data).crc)


def renamed_before_written(patch: pytest.MonkeyPatch) -> None:
    """A cleaned segment takes its name before its content is on the disk."""
    sync = SimFile.sync

    def forgetful(self: SimFile) -> None:
        if not self._path.endswith(CLEANED):
            sync(self)

    patch.setattr(SimFile, "sync", forgetful)


def old_index_kept(patch: pytest.MonkeyPatch) -> None:
    """A cleaned segment takes the place of the old one, whose index stays."""
    unlink = SimFiles.unlink

    def forgetful(self: SimFiles, path: str) -> None:
        if not path.endswith(INDEX):
            unlink(self, path)

    patch.setattr(SimFiles, "unlink", forgetful)


LOST = r"was promised|not the newest of each key"
WRONG = r"wrong bytes|a row that nobody sent"
ANY = r"not the newest of each key|recovering twice|no batch at|is wrong"
CAUGHT: dict[Plant, str] = {
    acknowledged_before_sync: LOST,
    new_names_not_synced: LOST,
    torn_tails_trusted: WRONG,
    renamed_before_written: ANY,
    old_index_kept: LOST,
}


def _name_of(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("plant", "how"), CAUGHT.items(), ids=_name_of)
def test_a_planted_mistake_is_caught(
    plant: Plant, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=how):
        crash_some_loads()


def crash_some_loads() -> None:
    for seed in range(LOADS):
        crash_everywhere(seed, IMAGES_PER_LOAD)
