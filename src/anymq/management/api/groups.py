"""Groups of consumers: who is in them, how far they are, and where they go on."""

from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from struct import Struct, error
from typing import Any

from anymq.core.broker import Broker, ignore
from anymq.core.rights.permit import CONFIGURE, GROUP, READ
from anymq.core.streams import subscription
from anymq.core.streams.group_calls import (
    CommitRequest,
    GroupDescription,
    GroupError,
    Lag,
    MemberDescription,
    NewOffset,
    OffsetsResult,
    State,
)
from anymq.core.streams.partition import Partition
from anymq.core.streams.stream_names import stream_of
from anymq.management.api import client_groups, numbers, routes, share_groups
from anymq.management.api.call import LENGTHS_OF, Call, done, when_safe
from anymq.management.api.faults import Fault, bad_request, no_object
from anymq.management.http import JSON, Answer, Later, Response, json

ROUTES = routes.Routes()
VHOST = "/"  # groups belong to no other
PARTITIONS_PER_PIECE = 20  # each may need a look at the disk

Place = tuple[str, int]
Assigned = dict[str, list[int]]
Where = Callable[[Partition, int | None], int]  # from where a group is to where it goes


@ROUTES.get("/groups")
def groups(call: Call) -> Answer:
    """All groups of consumers."""
    return call.listed(visible(call), partial(row, call), columns={"name": str})


@ROUTES.get("/groups/:group")
def group(call: Call) -> Answer:
    """One group, with its members and how far it is in each partition."""
    name = _find(call)
    if name in call.broker.groups.clients:
        return call.shown(client_groups.shown(call, name))
    if name in call.broker.shares:
        return call.shown(share_groups.shown(call, name))
    described = call.broker.groups.describe(name)
    assigned = {one.id: _assigned(described, one) for one in described.members}
    lags = {(one.topic, one.partition): one for one in numbers.lags(call.broker, name)}
    return call.shown(
        {
            **row(call, name),
            "generation": described.generation,
            "protocol": described.protocol,
            "members": [_member(one, assigned[one.id], lags) for one in described.members],
            "partitions": _partitions(call, name, described, assigned, lags),
        }
    )


@ROUTES.delete("/groups/:group")
def delete_group(call: Call) -> Answer:
    """Forget a group that has no members, with its offsets."""
    name = _find(call)
    call.caller.permit(VHOST).check(CONFIGURE, GROUP, name)
    if name in call.broker.groups.clients:
        raise _fault(GroupError.NON_EMPTY)
    if name in call.broker.shares:
        if call.broker.shares.describe(name).members:
            raise _fault(GroupError.NON_EMPTY)
        if name not in call.broker.groups:
            return when_safe(partial(call.broker.shares.delete, name), done)
        call.broker.shares.delete(name, ignore)  # RocketMQ's are both
    later = Later()

    def then(refused: GroupError | None) -> None:
        later.answer(done() if refused is None else _fault(refused).response())

    call.broker.groups.delete(name, then)
    return later


@ROUTES.post("/groups/:group/offsets")
def set_offsets(call: Call) -> Answer:
    """Set where a group without members goes on; `dry_run`: only say where that would be."""
    name = _find(call)
    call.caller.permit(VHOST).check(READ, GROUP, name)
    if name in call.broker.shares:
        raise bad_request("a share group has no offsets to set: kafka-share-groups can move it")
    where, chosen = _where(call.body.get("to")), _chosen(call, name)
    _check_may_read(call, {place[0] for place, _ in chosen})
    dry = call.boolean("dry_run")
    if not dry and call.broker.groups.describe(name).state is not State.EMPTY:
        raise _fault(GroupError.NON_EMPTY)

    def pieces() -> Generator[bytes, None, Answer]:
        moves = []
        for index, (place, partition) in enumerate(chosen):
            moves.append(_move(call, name, place, partition, where))
            if index % PARTITIONS_PER_PIECE == 0:
                yield b""
        return _told(moves, applied=False) if dry else _apply(call, name, moves)

    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces())


def visible(call: Call) -> list[str]:
    """Return the groups that the caller may see."""
    return sorted(every(call.broker)) if sees(call) else []


def every(broker: Broker) -> set[str]:
    """Return the names of all groups, of every kind."""
    return broker.groups.names() | broker.shares.names()


def sees(call: Call) -> bool:
    """May the caller see groups?"""
    return call.caller.may_enter(VHOST)


def row(call: Call, name: str) -> dict[str, Any]:
    """Return what lists say about a group."""
    if name in call.broker.groups.clients:
        return client_groups.row(call, name)
    if name in call.broker.shares:
        return share_groups.row(call, name)
    broker, sampler = call.broker, call.site.sampler
    described = broker.groups.describe(name)
    lags = numbers.lags(broker, name)
    span = call.span(LENGTHS_OF)
    lag = {"lag": sum(one.lag or 0 for one in lags)}
    series = sampler.series_of_group(name, wanted=span is not None)
    return {
        "name": name,
        "state": described.state.value,
        "type": "classic",
        "protocol_type": described.protocol_type,
        "member_count": len(described.members),
        "topics": sorted({one.topic for one in lags} | _subscribed(described)),
        "partition_count": len(lags),
        "node": call.site.node,
        **call.site.rates.with_rates(sampler.mark(name), lag, series, span),
    }


# Within


def _find(call: Call) -> str:
    name = call.names["group"]
    is_there = name in call.broker.shares or name in call.broker.groups
    if not sees(call) or not is_there:
        raise no_object()
    return name


def _check_may_read(call: Call, topics: set[str]) -> None:
    """Refuse who may not read what a group is to read."""
    for vhost, name in map(stream_of, sorted(topics)):
        call.caller.permit(vhost).check(READ, "topic", name)


def _fault(refused: GroupError) -> Fault:
    reason = refused.value
    if refused is GroupError.NON_EMPTY:
        return Fault(HTTPStatus.CONFLICT, "conflict", f"{reason}: stop them first")
    if refused is GroupError.UNAVAILABLE:
        return Fault(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", reason)
    return no_object() if refused is GroupError.NOT_FOUND else bad_request(reason)


def _subscribed(described: GroupDescription) -> set[str]:
    if described.protocol_type != subscription.CONSUMER:
        return set()
    found = (subscription.topics(one.subscription) for one in described.members)
    return {name for names in found if names for name in names}


def _member(
    one: MemberDescription, assigned: Assigned, lags: Mapping[Place, Lag]
) -> dict[str, Any]:
    mine = [lags.get((topic, index)) for topic, all_of in assigned.items() for index in all_of]
    return {
        "id": one.id,
        "instance_id": one.instance_id,
        "client_id": one.client_id,
        "client_host": one.client_host,
        "lag": sum(each.lag or 0 for each in mine if each is not None),
        "assignment": [
            {"topic": topic, "partitions": indexes} for topic, indexes in sorted(assigned.items())
        ],
    }


def _partitions(
    call: Call,
    name: str,
    described: GroupDescription,
    assigned: Mapping[str, Assigned],
    lags: Mapping[Place, Lag],
) -> list[dict[str, Any]]:
    readers = {
        (topic, index): one
        for one in described.members
        for topic, indexes in assigned[one.id].items()
        for index in indexes
    }
    offsets = call.broker.groups.offsets.of(name).offsets
    rows = []
    for topic, index in sorted({*readers, *lags}):
        kept, lag = offsets.get(topic, {}).get(index), lags.get((topic, index))
        partition, reader = _partition(call, topic, index), readers.get((topic, index))
        rows.append(
            {
                "topic": topic,
                "partition": index,
                "start": None if partition is None else partition.start,
                "end": None if partition is None else partition.visible_end,
                "committed": None if kept is None else kept.offset,
                "lag": None if lag is None else lag.lag,
                "metadata": "" if kept is None else kept.metadata,
                "committed_at": None if kept is None else kept.committed_ms,
                "member": None if reader is None else reader.id,
                "client_id": None if reader is None else reader.client_id,
            }
        )
    return rows


def _partition(call: Call, topic: str, index: int) -> Partition | None:
    found = call.broker.topics.get(topic)
    if found is None or not 0 <= index < len(found.partitions):
        return None
    return found.partitions[index]


# Setting offsets


def _chosen(call: Call, name: str) -> list[tuple[Place, Partition]]:
    """Return the partitions whose offsets are to be set."""
    wanted = call.body.get("topics")
    if wanted is None:
        kept = call.broker.groups.offsets.of(name).partitions()
        found = ((place, _partition(call, *place)) for place in sorted(kept))
        return [(place, partition) for place, partition in found if partition is not None]
    if isinstance(wanted, list):
        wanted = {str(one): [] for one in wanted}
    if not isinstance(wanted, dict):
        raise bad_request("topics is a list of names, or an object with lists of partitions")
    return list(_named(call, wanted))


def _named(call: Call, wanted: Mapping[str, Any]) -> Iterator[tuple[Place, Partition]]:
    for topic, indexes in wanted.items():
        found = call.broker.topic(topic)
        if not isinstance(indexes, list) or any(type(each) is not int for each in indexes):
            raise bad_request("partitions are numbers")
        for index in dict.fromkeys(indexes) if indexes else range(len(found.partitions)):
            yield (topic, index), found.partition(index)


def _where(to: Any) -> Where:
    """Return how to find the place that is meant."""
    if to == "earliest":
        return lambda partition, _: partition.start
    if to == "latest":
        return lambda partition, _: partition.visible_end
    if isinstance(to, dict) and len(to) == 1:
        [(kind, value)] = to.items()
        if kind in _WHERE and isinstance(value, int) and not isinstance(value, bool):
            return partial(_WHERE[kind], value)
    raise bad_request(
        "to is earliest, latest, or an object with one number: offset, shift, timestamp"
    )


def _to_offset(offset: int, partition: Partition, _: int | None) -> int:
    return min(max(offset, partition.start), partition.visible_end)


def _by_shift(shift: int, partition: Partition, before: int | None) -> int:
    return _to_offset((partition.start if before is None else before) + shift, partition, None)


def _to_time(timestamp: int, partition: Partition, _: int | None) -> int:
    found = partition.log.offset_at(timestamp)
    return partition.visible_end if found is None else found[0]


_WHERE: Mapping[str, Callable[[int, Partition, int | None], int]] = {
    "offset": _to_offset,
    "shift": _by_shift,
    "timestamp": _to_time,
}


def _move(
    call: Call, name: str, place: Place, partition: Partition, where: Where
) -> dict[str, Any]:
    kept = call.broker.groups.offsets.of(name).offsets.get(place[0], {}).get(place[1])
    before = None if kept is None else kept.offset
    to = where(partition, before)
    return {
        "topic": place[0],
        "partition": place[1],
        "from": before,
        "to": to,
        "lag": partition.visible_end - to,
    }


def _apply(call: Call, name: str, moves: list[dict[str, Any]]) -> Answer:
    later = Later()

    def then(result: OffsetsResult) -> None:
        # Somebody came in meanwhile: he decides where he reads, and we are nobody to him.
        refused = (
            GroupError.NON_EMPTY if result.error is GroupError.UNKNOWN_MEMBER else result.error
        )
        later.answer(_told(moves, applied=True) if refused is None else _fault(refused).response())

    new = [NewOffset(one["topic"], one["partition"], one["to"]) for one in moves]
    call.broker.groups.commit(CommitRequest(group=name, offsets=new), then)
    return later


def _told(moves: list[dict[str, Any]], *, applied: bool) -> Response:
    return json({"applied": applied, "partitions": moves})


# What the leader of a group of type "consumer" assigned: version 2 · count 4 · (length 2 · name ·
# count 4 · (partition 4)*)*. Groups do not read it; here it is for people to look at.

_START = Struct(">hi")
_LENGTH = Struct(">h")
_COUNT = Struct(">i")


def _assigned(described: GroupDescription, one: MemberDescription) -> Assigned:
    if described.protocol_type != subscription.CONSUMER:
        return {}
    try:
        return dict(_read_assignment(one.assignment))
    except (error, UnicodeDecodeError):
        return {}


def _read_assignment(data: bytes) -> Iterator[tuple[str, list[int]]]:
    if not data:
        return
    _, topics = _START.unpack_from(data)
    at = _START.size
    for _ in range(topics):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        name = data[at : at + max(0, length)].decode()
        at += max(0, length)
        (count,) = _COUNT.unpack_from(data, at)
        at += _COUNT.size
        yield name, list(Struct(f">{max(0, count)}i").unpack_from(data, at))
        at += max(0, count) * 4
