"""Progress: how far groups have read. Kept where Kafka's groups keep theirs.

Consumers say it with every pull, so often that not each of it goes to the disk: what was said since
the last time does, every so often. Whoever asks hears the newest.
"""

from collections.abc import Callable
from functools import partial

from anymq.core.broker import Broker
from anymq.core.streams.group_calls import CommitRequest, GroupError, NewOffset, OffsetsResult
from anymq.core.timers import Timer

Where = tuple[str, int]  # topic and queue
Done = Callable[[GroupError | None], None]


class Progress:
    """The offsets of all groups, with those that are not durable yet."""

    def __init__(self, broker: Broker, interval_ms: Callable[[], int]) -> None:
        self._broker = broker
        self._interval_ms = interval_ms
        self._newest: dict[str, dict[Where, int]] = {}  # said, and not known to be durable
        self._unwritten: dict[str, set[Where]] = {}  # of those: not even on their way
        self._timer: Timer | None = None

    def of(self, group: str, topic: str, queue: int) -> int | None:
        """Return how far a group has read a queue; None when it never said."""
        newest = self._newest.get(group)
        if newest is not None and (offset := newest.get((topic, queue))) is not None:
            return offset
        kept = self._broker.groups.offsets.of(group).offsets.get(topic, {}).get(queue)
        return None if kept is None else kept.offset

    def note(self, group: str, topic: str, queue: int, offset: int) -> None:
        """It has read this far; that goes to the disk with what else is said soon."""
        if self.of(group, topic, queue) == offset:
            return
        self._newest.setdefault(group, {})[topic, queue] = offset
        self._unwritten.setdefault(group, set()).add((topic, queue))
        if self._timer is None:
            due = self._broker.clock.monotonic() + self._interval_ms() / 1000
            self._timer = self._broker.timers.at(due, self.flush)

    def commit(self, group: str, topic: str, queue: int, offset: int, then: Done) -> None:
        """It has read this far; `then` once that is durable."""
        if self.of(group, topic, queue) == offset and group not in self._newest:
            then(None)
            return
        self._newest.setdefault(group, {})[topic, queue] = offset
        waiting = self._unwritten.get(group)
        if waiting is not None:
            waiting.discard((topic, queue))
        self._write(group, [(topic, queue)], then)

    def flush(self) -> None:
        """Write what is not written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        unwritten, self._unwritten = self._unwritten, {}
        for group, where in unwritten.items():
            if where:
                self._write(group, list(where), _nobody)

    def forget(self, group: str, topic: str | None = None) -> None:
        """Others have set its offsets, or nobody wants them any more."""
        for kept in (self._newest, self._unwritten):
            if topic is None:
                kept.pop(group, None)
        if topic is not None:
            newest = self._newest.get(group, {})
            for where in [one for one in newest if one[0] == topic]:
                del newest[where]
                self._unwritten.get(group, set()).discard(where)

    def _write(self, group: str, where: list[Where], then: Done) -> None:
        newest = self._newest[group]
        said = {one: newest[one] for one in where}
        offsets = [NewOffset(topic, queue, offset) for (topic, queue), offset in said.items()]
        wanted = CommitRequest(group=group, offsets=offsets, any_kind=True)
        self._broker.groups.commit(wanted, partial(self._written, group, said, then))

    def _written(
        self, group: str, said: dict[Where, int], then: Done, result: OffsetsResult
    ) -> None:
        """Forget what is durable now; and what the core refuses, which would be refused again."""
        newest = self._newest.get(group, {})
        for where, offset in said.items():
            if newest.get(where) == offset:
                del newest[where]
        if not newest:
            self._newest.pop(group, None)
        then(result.error)


def _nobody(_: GroupError | None) -> None:
    """Whoever said it awaits no answer."""
