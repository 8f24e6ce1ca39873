"""Offsets: how far groups have read. In memory what the log holds durably, never more.

A commit is one record batch; it shows once it is durable. So nothing that was read here can be
lost in a crash, and nothing need be taken back when the disk refuses.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from anymq.core.clock import Clock
from anymq.core.streams import offset_records
from anymq.core.streams.offset_records import (
    GROUP,
    OFFSET,
    Change,
    CommittedOffset,
    GroupRecord,
    Key,
    Value,
)
from anymq.storage.batch import read_header
from anymq.storage.errors import StorageError
from anymq.storage.log import Log, Then

# A group of very many partitions goes in several batches, so that none is too big to read.
RECORDS_IN_BATCH_MAX = 10_000
LEADER_EPOCH = 0

TopicOffsets = Mapping[str, Mapping[int, CommittedOffset]]


class Kept:
    """What is kept of one group."""

    __slots__ = ("offsets", "record")

    def __init__(self) -> None:
        self.record: GroupRecord | None = None
        self.offsets: dict[str, dict[int, CommittedOffset]] = {}

    def __bool__(self) -> bool:
        return self.record is not None or bool(self.offsets)

    def partitions(self) -> Iterator[tuple[str, int]]:
        """Return the partitions that have an offset."""
        return ((topic, index) for topic, of in self.offsets.items() for index in of)

    def put(self, topic: str, partition: int, offset: CommittedOffset) -> None:
        """The group has read this far."""
        self.offsets.setdefault(topic, {})[partition] = offset

    def forget(self, topic: str, partition: int) -> None:
        """It has not read this partition."""
        partitions = self.offsets.get(topic, {})
        partitions.pop(partition, None)
        if not partitions:
            self.offsets.pop(topic, None)


_NOTHING = Kept()


class Offsets:
    """The offsets of all groups."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        # Of groups with something that is not durable yet: where the last of it is.
        self._last_commit: dict[str, int] = {}
        self._last_write: dict[str, int] = {}

    def restore(self) -> None:
        """Read everything that is kept."""
        self._kept.clear()
        for key, value in offset_records.read(self._log):
            self._apply(key, value)

    def __contains__(self, group: str) -> bool:
        return group in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def groups(self) -> Iterable[str]:
        """Return the names of all groups of which something is kept."""
        return self._kept.keys()

    def of(self, group: str) -> Kept:
        """Return what is kept of a group; to look at only."""
        return self._kept.get(group, _NOTHING)

    def is_settled(self, group: str) -> bool:
        """Is everything durable, or failed, that was asked for this group?"""
        return group not in self._last_write

    # -- changes

    def commit(
        self, group: str, offsets: Iterable[tuple[str, int, CommittedOffset]], then: Then
    ) -> None:
        """The group has read this far."""
        changes: list[Change] = [
            (Key(OFFSET, group, topic, partition), offset) for topic, partition, offset in offsets
        ]
        self._write(changes, then)

    def put_record(self, group: str, record: GroupRecord, then: Then) -> None:
        """The group is there, or has become empty."""
        self._write([(Key(GROUP, group), record)], then)

    def delete(self, group: str, partitions: Iterable[tuple[str, int]], then: Then) -> None:
        """Forget how far the group has read these."""
        offsets = self.of(group).offsets
        changes: list[Change] = [
            (Key(OFFSET, group, topic, partition), None)
            for topic, partition in partitions
            if partition in offsets.get(topic, ())
        ]
        self._write(changes, then)

    def delete_group(self, group: str, then: Then) -> None:
        """Forget the group."""
        kept = self.of(group)
        changes: list[Change] = [(Key(OFFSET, group, *which), None) for which in kept.partitions()]
        if kept.record is not None:
            changes.append((Key(GROUP, group), None))
        self._write(changes, then)

    def delete_topics(self, is_gone: Callable[[str], bool], then: Then) -> None:
        """Forget how far anyone has read topics that are gone: the next of that name is another."""
        changes: list[Change] = [
            (Key(OFFSET, group, topic, partition), None)
            for group, kept in self._kept.items()
            for topic, partitions in kept.offsets.items()
            if is_gone(topic)
            for partition in partitions
        ]
        self._write(changes, then)

    def when_committed(self, group: str, then: Callable[[], None]) -> None:
        """Call `then` once every commit asked before is durable, or has failed."""
        self._when_past(self._last_commit.get(group), then)

    def when_settled(self, group: str, then: Callable[[], None]) -> None:
        """Call `then` once everything asked before is durable, or has failed."""
        self._when_past(self._last_write.get(group), then)

    def when_all_settled(self, then: Callable[[], None]) -> None:
        """The same for all groups."""
        self._when_past(max(self._last_write.values(), default=None), then)

    def _when_past(self, last: int | None, then: Callable[[], None]) -> None:
        if last is None:
            then()
        else:
            self._log.when_durable(last, lambda _error: then())

    # -- the log

    def _write(self, changes: Sequence[Change], then: Then) -> None:
        if not changes:
            then(None)
            return
        last_start = (len(changes) - 1) // RECORDS_IN_BATCH_MAX * RECORDS_IN_BATCH_MAX
        try:
            for start in range(0, last_start, RECORDS_IN_BATCH_MAX):
                self._append(changes[start : start + RECORDS_IN_BATCH_MAX], _nobody)
            self._append(changes[last_start:], then)
        except StorageError as error:
            then(error)

    def _append(self, changes: Sequence[Change], then: Then) -> None:
        batch = offset_records.write(changes, self._clock.wall_ms())
        base = self._log.append(batch, read_header(batch), LEADER_EPOCH)
        last = base + len(changes) - 1
        for key, _ in changes:
            self._last_write[key.group] = last
            if key.kind == OFFSET:
                self._last_commit[key.group] = last
        self._log.when_durable(last, partial(self._on_durable, changes, last, then))

    def _on_durable(
        self, changes: Sequence[Change], last: int, then: Then, error: StorageError | None
    ) -> None:
        for key, value in changes:
            for waiting in (self._last_write, self._last_commit):
                if waiting.get(key.group) == last:
                    del waiting[key.group]
            if error is None:
                self._apply(key, value)
        then(error)

    def _apply(self, key: Key, value: Value | None) -> None:
        kept = self._kept.get(key.group)
        if kept is None:
            kept = self._kept[key.group] = Kept()
        if isinstance(value, CommittedOffset):
            kept.put(key.topic, key.partition, value)
            return
        if key.kind == GROUP:
            kept.record = value
        else:
            kept.forget(key.topic, key.partition)
        if not kept:
            del self._kept[key.group]


def _nobody(error: StorageError | None) -> None:
    """The last batch has the answer for all: the log fails them together."""
