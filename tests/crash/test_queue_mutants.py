"""The crash tests of queues can fail: each classic mistake, planted, is caught."""

from collections.abc import Callable

import pytest

from anymq.core.queues.journal import Journal
from anymq.core.queues.settled import Settled
from anymq.core.queues.settlement import Settlement
from anymq.storage.commit import Part
from anymq.storage.log import Log
from anymq.storage.thinning import _Keeper
from tests.crash.test_queue_images import crash_everywhere

LOADS = 6
IMAGES_PER_LOAD = 300

Plant = Callable[[pytest.MonkeyPatch], None]


def confirmed_before_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Part, "sync_files", lambda self, files: None)


def acks_not_journaled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Journal, "flush", lambda self: None)


def told_before_the_journal_is_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Journal, "when_written", lambda self, then: then(None))


def too_much_is_thinned(patch: pytest.MonkeyPatch) -> None:
    """What begins in the middle of a batch goes with it."""
    patch.setattr(_Keeper, "_some", lambda self, header, batch, at: None)


def positions_are_used_again(patch: pytest.MonkeyPatch) -> None:
    """The journal outlived the end of the log: what comes next counts as settled."""
    patch.setattr(Settled, "end", property(lambda self: 0))


def gaps_not_noted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Settlement, "note_gap", lambda self, first, end, size=0: None)


def confirmed_before_written(patch: pytest.MonkeyPatch) -> None:
    def early(self: Log, offset: int, then: Callable[[None], None]) -> None:
        then(None)

    patch.setattr(Log, "when_durable", early)


CAUGHT: dict[Plant, str] = {
    confirmed_before_sync: r"lost",
    acks_not_journaled: r"and back|going on",
    told_before_the_journal_is_written: r"and back|was delivered|given back",
    too_much_is_thinned: r"lost",
    confirmed_before_written: r"lost",
    positions_are_used_again: r"going on",
    gaps_not_noted: r"and back|do not come|going on",
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
