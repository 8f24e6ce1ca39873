"""Fetch sessions (KIP-227): a consumer of many partitions repeats only what has changed."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from anymq.protocols.kafka.error_codes import ErrorCode

EVICTABLE_AFTER_SECONDS = 120.0
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
Asked = Sequence[tuple[Key, Wanted]]


@dataclass(slots=True)
class FetchSession:
    """What one consumer reads; the order in which partitions take their turns."""

    id: int
    by_id: bool  # topics are named by their ids
    partitions: "OrderedDict[Key, Wanted]" = field(default_factory=OrderedDict)
    epoch: int = 1
    last_used: float = 0.0

    def change(self, asked: Asked, forgotten: Iterable[Key] = ()) -> None:
        """Take over what the request changes."""
        for key, new in asked:
            old = self.partitions.get(key)
            if old is not None:
                new.log_start_told = old.log_start_told
                new.high_watermark_told = old.high_watermark_told
            self.partitions[key] = new
        for key in forgotten:
            self.partitions.pop(key, None)

    def to_the_end(self, key: Key) -> None:
        """It had its turn: the others come first next time."""
        self.partitions.move_to_end(key)


class FetchSessions:
    """All sessions of one broker: a fixed number of places."""

    def __init__(
        self,
        random: Callable[[int], bytes],
        *,
        sessions_max: int = 1000,
        partitions_max: int = 200_000,
    ) -> None:
        """`partitions_max` is of all together: who asks for more does without a session."""
        self._random = random
        self._sessions_max = sessions_max
        self._partitions_max = partitions_max
        self._sessions: OrderedDict[int, FetchSession] = OrderedDict()
        self._partitions = 0  # of all sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, asked: Asked, now: float, *, by_id: bool) -> FetchSession:
        """Return a new session; one that nobody keeps when every place is taken, and in use."""
        id = NO_SESSION
        if asked and self._has_room_for(len(asked)) and self._has_place(now):
            id = self._new_id()
        session = FetchSession(id, by_id, last_used=now)
        session.change(asked)
        if id != NO_SESSION:
            self._sessions[id] = session
            self._partitions += len(session.partitions)
        return session

    def go_on(
        self,
        id: int,
        epoch: int,
        asked: Asked,
        forgotten: Iterable[Key],
        now: float,
        *,
        by_id: bool,
    ) -> FetchSession | ErrorCode:
        """Return the session, if the consumer and we agree on where it stands."""
        session = self._sessions.get(id)
        if session is None:
            return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
        if session.epoch != epoch:
            return ErrorCode.INVALID_FETCH_SESSION_EPOCH
        if session.by_id != by_id:
            return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
        before = len(session.partitions)
        session.change(asked, forgotten)
        self._partitions += len(session.partitions) - before
        if not session.partitions or (asked and not self._has_room_for(0)):
            # Nothing is left to ask for, or it asks for too much: it ends here.
            self.close(id)
            session.id = NO_SESSION
            return session
        session.epoch = 1 if epoch == EPOCH_MAX else epoch + 1
        session.last_used = now
        self._sessions.move_to_end(id)
        return session

    def close(self, id: int) -> None:
        """Forget it."""
        session = self._sessions.pop(id, None)
        if session is not None:
            self._partitions -= len(session.partitions)

    def _has_room_for(self, more: int) -> bool:
        return self._partitions + more <= self._partitions_max

    def _has_place(self, now: float) -> bool:
        """Make a place by closing the session that was not used for the longest time."""
        if len(self._sessions) < self._sessions_max:
            return True
        if not self._sessions:
            return False
        oldest = next(iter(self._sessions.values()))
        if now - oldest.last_used < EVICTABLE_AFTER_SECONDS:
            return False
        self.close(oldest.id)
        return True

    def _new_id(self) -> int:
        while True:
            id = int.from_bytes(self._random(4), "big") & 0x7FFFFFFF
            if id != NO_SESSION and id not in self._sessions:
                return id
