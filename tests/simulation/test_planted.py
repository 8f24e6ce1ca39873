"""The simulation can fail: each classic mistake, planted, is caught within some seeds."""

import re
from array import array
from collections.abc import Callable, Iterable

import pytest

from anymq.core.queues.journal import Journal
from anymq.core.queues.line import Line
from anymq.core.transactions.transactions import Transactions
from anymq.storage import index
from anymq.storage.commit import Part
from anymq.storage.index import Extent, Index
from tests.simulation.scenario import simulate

SEEDS = 60

Plant = Callable[[pytest.MonkeyPatch], None]


def acknowledged_before_the_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Part, "sync_files", lambda self, files: None)


def settlement_is_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Journal, "flush", lambda self: self._changed.clear())


def given_back_to_the_end(patch: pytest.MonkeyPatch) -> None:
    """What is given back comes after what waits already."""
    right = Line.give_back

    def late(self: Line, positions: Iterable[int], *, count: bool = True) -> None:
        right(self, positions, count=count)
        self._heap.sort(reverse=True)

    patch.setattr(Line, "give_back", late)


def torn_index_is_believed(patch: pytest.MonkeyPatch) -> None:
    """Its rows lead to places in the middle of batches."""
    right = index.decode

    def torn(content: bytes) -> tuple[Extent, Index]:
        extent, rows = right(content)
        rows._positions = array("q", (position and position + 8 for position in rows._positions))
        return extent, rows

    patch.setattr(index, "decode", torn)


def rolled_back_and_brought(patch: pytest.MonkeyPatch) -> None:
    """A half message that nobody may see."""
    patch.setattr(Transactions, "roll_back", Transactions.commit)


CAUGHT: dict[Plant, str] = {
    acknowledged_before_the_sync: r"lost|is gone",
    settlement_is_lost: r"settled and is back",
    given_back_to_the_end: r"came before",
    torn_index_is_believed: r"error_code|lost|end",
    rolled_back_and_brought: r"aborted-read",
}


def _name_of(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.timeout(240)  # on a machine that is busy with something else
@pytest.mark.parametrize(("plant", "how"), CAUGHT.items(), ids=_name_of)
def test_a_planted_mistake_is_caught(
    plant: Plant, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some worlds show it in another way: the first that calls it by its name will do."""
    plant(monkeypatch)
    shown = (symptom_of(seed) for seed in range(SEEDS))
    assert any(re.search(how, symptom) for symptom in shown)


def symptom_of(seed: int) -> str:
    try:
        simulate(seed)
    except Exception as error:
        return repr(error)
    return ""
