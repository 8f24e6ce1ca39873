"""What ShareFetch and ShareAcknowledge have in common: whose session it is, and settling."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from anymq.core.rights.operations import Operation
from anymq.core.shares.places import Spot
from anymq.core.shares.words import GroupNotFound, NotHeld, Settled
from anymq.core.streams.errors import UnknownTopicId
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.share_sessions import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    Key,
    ShareSession,
    ShareSessions,
)


class Batch(Protocol):
    """As both schemas have it."""

    first_offset: int
    last_offset: int
    acknowledge_types: list[int]


def session_of(call: Call, group: str | None, member: str | None, epoch: int) -> ShareSession:
    """Return the member's session; refuse whoever may not, or is not where it thinks it is."""
    authorization.group(call, Operation.READ, group or "")
    if not group or not member:
        raise InvalidRequest("a share session is one of a group and a member")
    if group not in call.broker.shares:  # a member says that it is one before it fetches
        raise GroupNotFound(f"Group {group} not found.")
    sessions = sessions_of(call)
    if epoch != INITIAL_EPOCH:
        return sessions.go_on(group, member, epoch, call.session)
    most = int(call.broker.config.value("group.share.max.share.sessions"))
    return sessions.open(group, member, call.session, most)


def sessions_of(call: Call) -> ShareSessions:
    """Return all sessions of this listener."""
    return call.session.kafka.share_sessions


def end_if_final(call: Call, session: ShareSession, epoch: int) -> None:
    """Who said that this is the last request gives back what it still has."""
    if epoch == FINAL_EPOCH:
        sessions_of(call).close(session.group, session.member)


def spot_of(call: Call, topic: UUID) -> Spot:
    """Return the topic or queue, or refuse."""
    spot = call.broker.shares.spots.find_id(topic)
    authorization.topic(call, Operation.READ, spot.name)
    return spot


def settle(call: Call, session: ShareSession, key: Key, batches: Iterable[Batch]) -> None:
    """Settle what the member has of one partition: all that is said, or nothing."""
    spot_of(call, key[0])
    place = session.places.get(key)
    if place is None:
        raise NotHeld("The record state is invalid: this member has nothing there.")
    if getattr(place, "gone", False):
        session.close_place(key)
        raise UnknownTopicId("the queue is gone")
    place.settle(
        [Settled(one.first_offset, one.last_offset, one.acknowledge_types) for one in batches]
    )
