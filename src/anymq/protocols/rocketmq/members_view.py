"""Who is in which group, as administrators see it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anymq.core.streams.clients import ClientGroup, How, Interest, Model

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

_TYPES = {How.PUSH: "CONSUME_PASSIVELY", How.PULL: "CONSUME_ACTIVELY", How.POP: "CONSUME_POP"}


def consumers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of consumers."""
    return list(_told(rocketmq.clients.consumers.get(group)))


def producers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of producers."""
    return list(_told(rocketmq.clients.producers.get(group)))


def all_producers(rocketmq: "RocketMq") -> dict[str, list[dict[str, object]]]:
    """Return the members of all groups of producers."""
    return {group: producers(rocketmq, group) for group in sorted(rocketmq.clients.producers)}


def subscriptions(rocketmq: "RocketMq", group: str) -> dict[str, dict[str, object]]:
    """Return what a group wants, by topic."""
    found = rocketmq.clients.consumers.get(group)
    return {} if found is None else {one: said(of) for one, of in found.interests().items()}


def groups_on(rocketmq: "RocketMq", topic: str) -> set[str]:
    """Return the groups with members that want something of a topic."""
    of_all = rocketmq.clients.consumers.values()
    return {one.name for one in of_all if one.interest(topic) is not None}


def how(rocketmq: "RocketMq", group: str) -> dict[str, object]:
    """Return how a group consumes."""
    found = rocketmq.clients.consumers.get(group) or ClientGroup(group)
    return {
        "consumeFromWhere": found.start or "CONSUME_FROM_LAST_OFFSET",
        "consumeType": _TYPES[found.how],
        "messageModel": "BROADCASTING" if found.model is Model.BROADCASTING else "CLUSTERING",
    }


def groups(rocketmq: "RocketMq") -> set[str]:
    """Return the groups of consumers that have members."""
    return set(rocketmq.clients.consumers)


def said(of: Interest) -> dict[str, object]:
    """Return a subscription as answers have it."""
    return {
        "classFilterMode": of.class_filter,
        "codeSet": list(of.hashes),
        "expressionType": of.kind,
        "subString": of.expression,
        "subVersion": of.version,
        "tagsSet": list(of.tags),
        "topic": of.topic,
    }


def _told(group: ClientGroup | None) -> Iterable[dict[str, object]]:
    for one in group.members.values() if group is not None else ():
        client = one.client
        yield {
            "clientAddr": client.address,
            "clientId": client.id,
            "language": client.language,
            "version": client.version,
        }
