"""Share sessions (KIP-932): what each member of a share group fetches, over which connection.

A session ends with its connection, and what its member had goes back to whoever comes next.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from anymq.core.shares.words import Place
from anymq.protocols.kafka.errors import (
    InvalidShareSessionEpoch,
    ShareSessionLimitReached,
    ShareSessionNotFound,
)

if TYPE_CHECKING:
    from anymq.protocols.kafka.session import KafkaSession

INITIAL_EPOCH, FINAL_EPOCH = 0, -1
EPOCH_MAX = 2**31 - 1

Key = tuple[UUID, int]  # topic and partition


class ShareSession:
    """What one member fetches. `places` by their turn: who had something comes last."""

    __slots__ = ("connection", "epoch", "group", "member", "on_more", "places", "wanted")

    def __init__(self, group: str, member: str, connection: "KafkaSession") -> None:
        self.group = group
        self.member = member
        self.connection = connection
        self.epoch = 1
        self.wanted: OrderedDict[Key, None] = OrderedDict()
        self.places: dict[Key, Place] = {}
        self.on_more: Callable[[Key], None] | None = None  # of the fetch that waits

    def wake(self, key: Key) -> None:
        """This place may have something."""
        if self.on_more is not None:
            self.on_more(key)

    def want(self, keys: Iterable[Key], forgotten: Iterable[Key]) -> None:
        """Fetch these from now on, and those no more."""
        self.wanted.update(dict.fromkeys(keys))
        for key in forgotten:
            self.wanted.pop(key, None)
            self.close_place(key)

    def close_place(self, key: Key) -> None:
        """Have nothing of this any more."""
        place = self.places.pop(key, None)
        if place is not None:
            place.close()

    def had_its_turn(self, key: Key) -> None:
        """Others come first next time."""
        if key in self.wanted:
            self.wanted.move_to_end(key)

    def stop(self) -> None:
        """No fetch waits."""
        self.on_more = None
        for place in self.places.values():
            place.stop()

    def close(self) -> None:
        """All that the member has goes back."""
        self.stop()
        for key in list(self.places):
            self.close_place(key)
        self.wanted.clear()


class ShareSessions:
    """All sessions of one broker."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, str], ShareSession] = {}
        self._by_connection: dict[KafkaSession, set[ShareSession]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(
        self, group: str, member: str, connection: "KafkaSession", sessions_max: int
    ) -> ShareSession:
        """Begin anew: what the member had before goes back."""
        self.close(group, member)
        if len(self._sessions) >= sessions_max:
            raise ShareSessionLimitReached("The limit of share sessions has been reached.")
        session = self._sessions[group, member] = ShareSession(group, member, connection)
        self._by_connection.setdefault(connection, set()).add(session)
        return session

    def go_on(
        self, group: str, member: str, epoch: int, connection: "KafkaSession"
    ) -> ShareSession:
        """Return the session, if the member and we agree on where it stands."""
        session = self._sessions.get((group, member))
        if session is None or session.connection is not connection:
            raise ShareSessionNotFound("The share session was not found.")
        if epoch == FINAL_EPOCH:
            return session
        if session.epoch != epoch:
            raise InvalidShareSessionEpoch("The share session epoch is invalid.")
        session.epoch = 1 if epoch == EPOCH_MAX else epoch + 1
        return session

    def close(self, group: str, member: str) -> None:
        """The member has nothing any more."""
        session = self._sessions.pop((group, member), None)
        if session is None:
            return
        those = self._by_connection.get(session.connection, set())
        those.discard(session)
        if not those:
            self._by_connection.pop(session.connection, None)
        session.close()

    def connection_gone(self, connection: "KafkaSession") -> None:
        """Its members have nothing any more."""
        for session in list(self._by_connection.get(connection, ())):
            self.close(session.group, session.member)
