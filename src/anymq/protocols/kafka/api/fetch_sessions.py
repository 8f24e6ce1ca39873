"""Fetch sessions (KIP-227): a consumer of many partitions repeats only what has changed."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from anymq.protocols.kafka.error_codes import ErrorCode

SESSIONS_MAX = 1000
EVICTABLE_AFTER_SECONDS = 120.0
PARTITIONS_PER_SESSION_MAX = 100_000
EPOCH_MAX = 2**31 - 1

NO_SESSION = 0
INITIAL_EPOCH = 0
FINAL_EPOCH = -1


@dataclass(slots=True)
class Wanted:
    """One partition as the consumer last asked for it, and what it was last told."""

    offset: int
    bytes_max: int
    leader_epoch: int = -1
    log_start_told: int = -1
    high_watermark_told: int = -1


Key = tuple[object, int]  # (topic's id or name, partition)


@dataclass(slots=True)
class FetchSession:
    """What one consumer reads; the order in which partitions take their turns."""

    id: int
    partitions: "OrderedDict[Key, Wanted]" = field(default_factory=OrderedDict)
    epoch: int = 1
    last_used: float = 0.0

    def change(self, wanted: Iterable[tuple[Key, Wanted]], forgotten: Iterable[Key]) -> None:
        """Take over what the request changes."""
        for key, new in wanted:
            old = self.partitions.get(key)
            if old is not None:
                new.log_start_told = old.log_start_told
                new.high_watermark_told = old.high_watermark_told
            elif len(self.partitions) >= PARTITIONS_PER_SESSION_MAX:
                continue
            self.partitions[key] = new
        for key in forgotten:
            self.partitions.pop(key, None)

    def to_the_end(self, key: Key) -> None:
        """It had its turn: the others come first next time."""
        self.partitions.move_to_end(key)


class FetchSessions:
    """All sessions of one broker: a fixed number of places."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._sessions: OrderedDict[int, FetchSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, now: float) -> FetchSession | None:
        """Return a new session; None when every place is taken by one that is in use."""
        if len(self._sessions) >= SESSIONS_MAX and not self._evict(now):
            return None
        session = FetchSession(self._new_id(), last_used=now)
        self._sessions[session.id] = session
        return session

    def use(self, id: int, epoch: int, now: float) -> FetchSession | ErrorCode:
        """Return the session, if the consumer and we agree on where it stands."""
        session = self._sessions.get(id)
        if session is None:
            return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
        if session.epoch != epoch:
            return ErrorCode.INVALID_FETCH_SESSION_EPOCH
        session.epoch = 1 if epoch == EPOCH_MAX else epoch + 1
        session.last_used = now
        self._sessions.move_to_end(id)
        return session

    def close(self, id: int) -> None:
        """Forget it."""
        self._sessions.pop(id, None)

    def _evict(self, now: float) -> bool:
        oldest = next(iter(self._sessions.values()))
        if now - oldest.last_used < EVICTABLE_AFTER_SECONDS:
            return False
        del self._sessions[oldest.id]
        return True

    def _new_id(self) -> int:
        while True:
            id = int.from_bytes(self._random(4), "big") & 0x7FFFFFFF
            if id != NO_SESSION and id not in self._sessions:
                return id
