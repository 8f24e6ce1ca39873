"""QueueLocks: who of a group has a queue for himself, so that its order lives on in the consumer.

A lock is a lease: who does not renew it loses it, and nobody else gets it earlier, because he may
still be at work on what he has. In memory: after a restart everybody locks again.
"""

from collections.abc import Collection
from typing import NamedTuple

from anymq.core.clock import Clock

Queue = tuple[str, int]  # topic, partition


class Lock(NamedTuple):
    """Whose a queue is, and until when by the monotonic clock."""

    client_id: str
    until: float


class QueueLocks:
    """The locks of all groups."""

    def __init__(self, clock: Clock, lease_ms: int = 60_000) -> None:
        self.lease_ms = lease_ms
        self._clock = clock
        self._by_group: dict[str, dict[Queue, Lock]] = {}

    def lock(self, group: str, client_id: str, queues: Collection[Queue]) -> list[Queue]:
        """Lock what nobody else has; return what the client has now of what it asked for."""
        now = self._clock.monotonic()
        locks = self._by_group.setdefault(group, {})
        mine = Lock(client_id, now + self.lease_ms / 1000)
        free = [queue for queue in queues if _is_free(locks.get(queue), client_id, now)]
        locks.update(dict.fromkeys(free, mine))
        return free

    def unlock(self, group: str, client_id: str, queues: Collection[Queue]) -> None:
        """Let others have these; what the client has not is left alone."""
        locks = self._by_group.get(group, {})
        for queue in queues:
            if queue in locks and locks[queue].client_id == client_id:
                del locks[queue]
        if not locks:
            self._by_group.pop(group, None)

    def of(self, group: str) -> dict[Queue, Lock]:
        """Return the locks of a group that have not run out."""
        now = self._clock.monotonic()
        locks = self._by_group.get(group, {})
        return {queue: lock for queue, lock in locks.items() if lock.until > now}

    def holder(self, group: str, queue: Queue) -> str | None:
        """Return who has a queue now."""
        lock = self._by_group.get(group, {}).get(queue)
        return lock.client_id if lock is not None and lock.until > self._clock.monotonic() else None

    def is_used(self, group: str) -> bool:
        """Has anybody of the group a queue for himself now?"""
        now = self._clock.monotonic()
        return any(lock.until > now for lock in self._by_group.get(group, {}).values())

    def maintenance(self) -> None:
        """Forget what has run out; every few seconds."""
        now = self._clock.monotonic()
        for group, locks in list(self._by_group.items()):
            for queue in [queue for queue, lock in locks.items() if lock.until <= now]:
                del locks[queue]
            if not locks:
                del self._by_group[group]


def _is_free(lock: Lock | None, client_id: str, now: float) -> bool:
    return lock is None or lock.client_id == client_id or lock.until <= now
