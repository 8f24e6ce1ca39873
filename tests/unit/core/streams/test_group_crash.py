"""The power goes while groups commit: what was acknowledged is there, and nothing else is new."""

from random import Random

import pytest
from tests.unit.core.streams.group_room import HandClock

from anymq.core.streams.group_calls import CommitRequest, NewOffset, OffsetsResult
from anymq.core.streams.groups import Groups
from anymq.core.streams.offset_records import LOG_CONFIG, LOG_ID
from anymq.core.timers import Timers
from anymq.storage.compaction import Compactor
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

Where = tuple[str, int]


class Life:
    """A broker's life on one disk."""

    def __init__(self, files: SimFiles) -> None:
        self.store = LogStore.open(files, disk_free_min=0)
        self.groups = Groups(
            self.store.open_log(LOG_ID, LOG_CONFIG),
            clock=HandClock(),
            timers=Timers(),
            random=Random(0).randbytes,
        )
        self.groups.restore()

    def commit(self) -> None:
        """What a turn of the loop ends with."""
        work = self.store.begin_commit()
        if work is not None:
            work.run()
            work.done()

    def kept(self) -> dict[Where, int]:
        return {
            (group, partition): offset.offset
            for group in self.groups.offsets.groups()
            for partition, offset in self.groups.offsets.of(group).offsets["orders"].items()
        }


@pytest.mark.parametrize("seed", range(40))
def test_what_was_acknowledged_survives(seed: int) -> None:
    chance = Random(seed)
    files = SimFiles()
    life = Life(files)
    asked: dict[Where, int] = {}
    acknowledged: dict[Where, int] = {}

    def keep(where: Where, offset: int) -> None:
        def on_result(result: OffsetsResult) -> None:
            assert result.error is None
            acknowledged[where] = offset

        asked[where] = offset
        new = NewOffset("orders", where[1], offset)
        life.groups.commit(CommitRequest(group=where[0], offsets=[new]), on_result)

    for offset in range(chance.randrange(1, 60)):
        keep((chance.choice("abc"), chance.randrange(4)), offset)
        if chance.random() < 0.3:
            life.commit()
    kept = Life(files.crash(chance)).kept()
    for where, offset in acknowledged.items():
        assert offset <= kept[where] <= asked[where]
    assert kept.keys() <= asked.keys()


def test_a_compacted_log_is_read_whole() -> None:
    """Commits of years are as many records as there are partitions; what is between is gone."""
    files = SimFiles()
    life = Life(files)
    for offset in range(200):
        new = NewOffset("orders", offset % 3, offset)
        life.groups.commit(CommitRequest(group="abc"[offset % 2], offsets=[new]), lambda _: None)
        life.commit()
    expected = life.kept()
    log = life.store.logs[LOG_ID]
    sealed = log.active
    log.roll()
    sealed.sealed = True
    new = NewOffset("orders", 9, 9)
    life.groups.commit(CommitRequest(group="c", offsets=[new]), lambda _: None)
    life.commit()
    before = log.size_bytes()
    compactor = Compactor(life.store._disk, keys_max=1000)
    while (work := compactor.work(log, HandClock().wall_ms())) is not None:
        work.run()
        work.done()
    assert log.size_bytes() < before / 5
    life.groups.restore()
    assert life.kept() == {**expected, ("c", 9): 9}
