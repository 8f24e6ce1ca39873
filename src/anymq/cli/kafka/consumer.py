"""Consumers: of partitions one names, or of those that a group gives us."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.commits import committed
from anymq.cli.kafka.fetcher import Fetched, Fetcher
from anymq.cli.kafka.membership import HEARTBEAT_SECONDS, Membership
from anymq.cli.kafka.offsets import EARLIEST, LATEST, Where, offsets_at

COMMIT_SECONDS = 5.0
LOOK_SECONDS = 30.0  # for new partitions


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin: at EARLIEST or LATEST, or at an offset, or at a time (milliseconds)."""

    special: int | None = None
    offset: int | None = None
    time_ms: int | None = None


BEGINNING, END = Start(EARLIEST), Start(LATEST)


class Consumer(Protocol):
    """What both kinds have."""

    @property
    def positions(self) -> dict[Where, int]:
        """The next offset of every partition being read."""

    @property
    def ends(self) -> dict[Where, int]:
        """As far as one may read, as of the last answer."""

    def poll(self, seconds: float) -> list[Fetched]:
        """Return what there is, or comes within this time."""

    def done_with(self, fetched: Fetched, count: int) -> None:
        """Say that the first `count` records were used, and need not come again."""

    def close(self) -> None:
        """Commit, leave."""


class PartitionConsumer:
    """Reads partitions, remembers nothing. New partitions of its topics join in."""

    def __init__(
        self,
        cluster: Cluster,
        partitions: Callable[[], Iterable[Where]],
        start: Start,
        *,
        read_committed: bool = False,
        reset_to: int | None = EARLIEST,
    ) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._fetcher = Fetcher(cluster, read_committed=read_committed, reset_to=reset_to)
        self._fetcher.assign(start_positions(cluster, partitions(), start))
        self._looked = time.monotonic()

    @property
    def positions(self) -> dict[Where, int]:
        """The next offset of every partition being read."""
        return self._fetcher.positions

    @property
    def ends(self) -> dict[Where, int]:
        """As far as one may read, as of the last answer."""
        return self._fetcher.ends

    def poll(self, seconds: float) -> list[Fetched]:
        """Return what there is, or comes within this time."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            new = {where: EARLIEST for where in self._partitions() if where not in self.positions}
            if new:
                self._fetcher.assign({**self.positions, **new})
        return self._fetcher.poll(seconds)

    def done_with(self, fetched: Fetched, count: int) -> None:
        """Nothing: nobody remembers."""

    def close(self) -> None:
        """Nothing: nobody waits for it."""


class GroupConsumer:
    """Reads what its group gives it, from where the group was."""

    def __init__(
        self,
        cluster: Cluster,
        group: str,
        topics: Sequence[str],
        start: Start,
        *,
        read_committed: bool = False,
        auto_commit: bool = True,
        reset_to: int | None = EARLIEST,
    ) -> None:
        self._cluster = cluster
        self._start = start
        self._auto_commit = auto_commit
        self._membership = Membership(cluster, group, topics)
        self._fetcher = Fetcher(cluster, read_committed=read_committed, reset_to=reset_to)
        self._used: dict[Where, int] = {}
        self._commit_at = time.monotonic() + COMMIT_SECONDS

    @property
    def positions(self) -> dict[Where, int]:
        """The next offset of every partition being read."""
        return self._fetcher.positions

    @property
    def ends(self) -> dict[Where, int]:
        """As far as one may read, as of the last answer."""
        return self._fetcher.ends

    def poll(self, seconds: float) -> list[Fetched]:
        """Take part in the group; return what there is, or comes within this time."""
        if time.monotonic() > self._commit_at:
            self._commit()
        self._membership.beat()
        if not self._membership.joined:
            self._join()
        return self._fetcher.poll(min(seconds, HEARTBEAT_SECONDS / 2))

    def done_with(self, fetched: Fetched, count: int) -> None:
        """Let the group know, with the next commit."""
        if count:
            where = (fetched.topic, fetched.partition)
            self._used[where] = fetched.records[count - 1].offset + 1

    def close(self) -> None:
        """Commit, and let others have our partitions."""
        self._commit()
        if self._used:
            self._commit()  # the coordinator may be elsewhere by now
        self._membership.leave()

    def _join(self) -> None:
        self._commit()
        mine = self._membership.join()
        known = committed(self._cluster, self._membership.group, mine) if mine else {}
        fresh = [where for where in mine if where not in known]
        # Committed with the rest: who comes back finds where it began, though nothing came.
        self._used = start_positions(self._cluster, fresh, self._start)
        self._fetcher.assign({**self._used, **known})

    def _commit(self) -> None:
        self._commit_at = time.monotonic() + COMMIT_SECONDS
        if self._auto_commit and self._membership.commit(self._used):
            self._used.clear()


def start_positions(
    cluster: Cluster, partitions: Iterable[Where], start: Start
) -> dict[Where, int]:
    """Return where to begin in each partition; what is beyond its end is its end."""
    wanted = list(partitions)
    if start.special is not None:
        return offsets_at(cluster, dict.fromkeys(wanted, start.special))
    ends = offsets_at(cluster, dict.fromkeys(wanted, LATEST))
    if start.time_ms is not None:
        found = offsets_at(cluster, dict.fromkeys(wanted, start.time_ms))
        return {where: each if each >= 0 else ends[where] for where, each in found.items()}
    begins = offsets_at(cluster, dict.fromkeys(wanted, EARLIEST))
    offset = start.offset or 0
    return {where: min(max(offset, begins[where]), ends[where]) for where in wanted}


def all_partitions(
    cluster: Cluster, topics: Sequence[str], create: bool = False
) -> Callable[[], list[Where]]:
    """Return what finds the partitions of these topics, those added later too."""

    def find() -> list[Where]:
        found = cluster.topics(topics, create)
        return [(topic.name, each.index) for topic in found.values() for each in topic.partitions]

    return find
