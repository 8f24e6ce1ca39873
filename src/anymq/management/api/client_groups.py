"""Groups whose members share by themselves (RocketMQ's), among the other groups."""

from typing import Any

from anymq.core.streams.clients import ClientGroup, Member
from anymq.core.streams.groups import CLIENTS
from anymq.management.api import numbers, share_groups
from anymq.management.api.call import Call


def row(call: Call, name: str) -> dict[str, Any]:
    """Return what lists say about one."""
    group, partitions = _group(call, name), _partitions(call, name)
    topics = {one["topic"] for one in partitions} | group.interests().keys()
    return {
        "name": name,
        "state": call.broker.groups.describe(name).state.value,
        "type": CLIENTS,
        "protocol_type": CLIENTS,
        "member_count": len(group.members),
        "topics": sorted(topics),
        "partition_count": len(partitions),
        "node": call.site.node,
        "lag": sum(one["lag"] or 0 for one in partitions),
    }


def shown(call: Call, name: str) -> dict[str, Any]:
    """Return one with its members, what it subscribes to, and how far it is in each queue."""
    group = _group(call, name)
    return {
        **row(call, name),
        "generation": 0,
        "protocol": group.model.value,
        "consumes_by": group.how.value,
        "subscriptions": [
            {"topic": one.topic, "expression": one.expression, "kind": one.kind}
            for one in group.interests().values()
        ],
        "members": [_member(call, name, one) for one in group.members.values()],
        "partitions": _partitions(call, name),
    }


def _group(call: Call, name: str) -> ClientGroup:
    return call.broker.groups.clients.consumers.get(name) or ClientGroup(name)


def _member(call: Call, group: str, member: Member) -> dict[str, Any]:
    """What clients share out by themselves we know only where they lock it."""
    locked: dict[str, list[int]] = {}
    for (topic, queue), lock in call.broker.groups.queue_locks.of(group).items():
        if lock.client_id == member.client.id:
            locked.setdefault(topic, []).append(queue)
    return {
        "id": member.client.id,
        "instance_id": None,
        "client_id": member.client.id,
        "client_host": member.client.address.rpartition(":")[0],
        "language": member.client.language,
        "connected_at": member.since_ms,
        "lag": None,
        "assignment": [
            {"topic": topic, "partitions": sorted(queues)}
            for topic, queues in sorted(locked.items())
        ],
    }


def _partitions(call: Call, name: str) -> list[dict[str, Any]]:
    """What it pulls is committed, what it pops is settled; one topic is consumed in one way."""
    popped = share_groups.partitions(call, name) if name in call.broker.shares else []
    seen = {(one["topic"], one["partition"]) for one in popped}
    lags = numbers.lags(call.broker, name)
    offsets = call.broker.groups.offsets.of(name).offsets
    locks = call.broker.groups.queue_locks
    for lag in lags:
        place = (lag.topic, lag.partition)
        if place in seen:
            continue
        topic = call.broker.topics.get(lag.topic)
        there = topic is not None and 0 <= lag.partition < len(topic.partitions)
        partition = topic.partitions[lag.partition] if topic is not None and there else None
        kept, holder = offsets[lag.topic][lag.partition], locks.holder(name, place)
        popped.append(
            {
                "topic": lag.topic,
                "partition": lag.partition,
                "start": None if partition is None else partition.start,
                "end": lag.end,
                "committed": lag.committed,
                "lag": lag.lag,
                "metadata": "",
                "committed_at": kept.committed_ms,
                "member": holder,
                "client_id": holder,
            }
        )
    return sorted(popped, key=lambda one: (one["topic"], one["partition"]))
