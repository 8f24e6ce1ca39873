"""Upkeep: the slow work that logs need now and then, a few logs at a time, one work per log."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from typing_extensions import override

from anymq.storage import retention, thinning
from anymq.storage.compaction import Compactor
from anymq.storage.disk import Disk
from anymq.storage.errors import StorageError
from anymq.storage.log import Log
from anymq.storage.repair import repairs
from anymq.storage.sealing import seal_of
from anymq.storage.thinning import Thinner
from anymq.storage.work import Work

LOGS_PER_TICK = 1000  # looked at: a few milliseconds
REWRITES_MAX = 8  # logs repaired, compacted or thinned at once: they hold files open


class Upkeep:
    """Decides what is to be done. On the broker's thread only."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._compactor = Compactor(disk)
        self._thinner = Thinner(disk)
        self._busy: set[int] = set()  # logs with work under way
        self._rewriting: set[int] = set()  # those that are repaired, compacted or thinned
        self._next = 0

    def forget(self, log_id: int) -> None:
        """The log is gone."""
        self._compactor.forget(log_id)
        self._thinner.forget(log_id)

    def works(self, logs: Mapping[int, Log], now_ms: int) -> list[Work]:
        """Return what is to be done for the logs whose turn it is."""
        turn = self._turn(logs)
        works = [work for log in turn for work in self._works_of(log, now_ms)]
        seal = seal_of(self._disk, turn)
        return works if seal.empty else [*works, seal]

    def _turn(self, logs: Mapping[int, Log]) -> list[Log]:
        start = self._next if self._next < len(logs) else 0
        self._next = start + LOGS_PER_TICK
        return list(islice(logs.values(), start, self._next))

    def _works_of(self, log: Log, now_ms: int) -> Iterable[Work]:
        """Return work on one log, if there is some and none is under way."""
        if log.failed is not None or log.id in self._busy:
            return []
        retention.roll_by_age(log, now_ms)
        thinning.roll_thin(log, self._disk, now_ms)
        # Damage before retention: what is lost must be told before it is forgotten.
        expired = [] if log.damaged else retention.expire(log, self._disk, now_ms)
        if expired:
            return [_Alone(expired, log.id, self._busy)]
        if len(self._rewriting) >= REWRITES_MAX:
            return []
        try:
            works = self._rewrites(log, now_ms)
        except (OSError, StorageError) as error:
            self._disk.report(f"no upkeep of log {log.id}: {error}")
            return []
        return [_Alone(works, log.id, self._busy, self._rewriting)] if works else []

    def _rewrites(self, log: Log, now_ms: int) -> Sequence[Work]:
        if log.damaged:
            return repairs(log, self._disk)
        # Both make the file of the active segment: not before what comes before it is there.
        if log.visible_end < log.active.base:
            return []
        work = self._thinner.work(log) if log.config.thinned else self._compactor.work(log, now_ms)
        return [work] if work is not None else []


class _Alone(Work):
    """Work on one log that goes on without any other such work on it."""

    def __init__(self, works: Sequence[Work], log_id: int, *under_way: set[int]) -> None:
        self._works = works
        self._log_id = log_id
        self._under_way = under_way
        for ids in under_way:
            ids.add(log_id)

    @override
    def run(self) -> None:
        for work in self._works:
            work.run()

    @override
    def done(self) -> None:
        for ids in self._under_way:
            ids.discard(self._log_id)
        for work in self._works:
            work.done()
