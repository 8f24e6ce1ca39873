"""Share groups among the other groups: who is in them, and how much is left to do."""

from typing import Any

from anymq.core.errors import Refused
from anymq.core.shares.group import Member
from anymq.core.shares.places import Spot
from anymq.core.shares.progress import Progress
from anymq.core.shares.shares import TYPE
from anymq.management.api.call import Call


def row(call: Call, name: str) -> dict[str, Any]:
    """Return what lists say about one."""
    shares = call.broker.shares
    described, parts = shares.describe(name), list(_parts(call, name))
    subscribed = {topic for member in described.members for topic in member.topics}
    return {
        "name": name,
        "state": described.state,
        "type": TYPE,
        "protocol_type": TYPE,
        "member_count": len(described.members),
        "topics": sorted(subscribed | {spot.name for spot, _, _ in parts}),
        "partition_count": len(parts),
        "node": call.site.node,
        "lag": sum(one.lag for _, _, one in parts),
    }


def shown(call: Call, name: str) -> dict[str, Any]:
    """Return one with its members, and what is left of each partition."""
    described = call.broker.shares.describe(name)
    return {
        **row(call, name),
        "generation": described.epoch,
        "protocol": "",
        "members": [_member(one) for one in described.members],
        "partitions": partitions(call, name),
    }


def partitions(call: Call, name: str) -> list[dict[str, Any]]:
    """Return what is left of each partition."""
    return [_partition(*one) for one in _parts(call, name)]


def _parts(call: Call, name: str) -> list[tuple[Spot, int, Progress]]:
    try:
        known = call.broker.shares.progress(name)
    except Refused:  # it went meanwhile
        return []
    return [(spot, index, one) for spot, parts in known for index, one in parts.items()]


def _member(one: Member) -> dict[str, Any]:
    return {
        "id": one.id,
        "instance_id": None,
        "client_id": one.client_id,
        "client_host": one.client_host,
        "lag": None,  # others work on the same
        "assignment": [
            {"topic": spot.name, "partitions": list(indexes)} for spot, indexes in one.assigned
        ],
    }


def _partition(spot: Spot, index: int, progress: Progress) -> dict[str, Any]:
    """`committed` is where the first message is that is not settled."""
    partition = None if spot.topic is None else spot.topic.partitions[index]
    return {
        "topic": spot.name,
        "partition": index,
        "start": None if partition is None else partition.start,
        "end": None if partition is None else partition.visible_end,
        "committed": progress.start,
        "lag": progress.lag,
        "metadata": "",
        "committed_at": None,
        "member": None,
        "client_id": None,
    }
