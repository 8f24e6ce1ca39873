"""Who is in which group, as administrators see it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anymq.core.streams.clients import Client, ClientGroup, Clients, How, Interest

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

_HOW = {
    How.PUSH: "CONSUME_PASSIVELY",
    How.PULL: "CONSUME_ACTIVELY",
    How.POP: "CONSUME_POP",
}
FROM = "CONSUME_FROM_LAST_OFFSET"


def consumers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of consumers."""
    return _members(_clients(rocketmq).consumers.get(group))


def producers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of producers."""
    return _members(_clients(rocketmq).producers.get(group))


def all_producers(rocketmq: "RocketMq") -> dict[str, list[dict[str, object]]]:
    """Return the members of all groups of producers."""
    return {name: _members(group) for name, group in sorted(_clients(rocketmq).producers.items())}


def subscriptions(rocketmq: "RocketMq", group: str) -> dict[str, dict[str, object]]:
    """Return what a group wants, by topic."""
    found = _clients(rocketmq).consumers.get(group)
    return {} if found is None else {one: said(of) for one, of in found.interests().items()}


def groups_on(rocketmq: "RocketMq", topic: str) -> set[str]:
    """Return the groups with members that want something of a topic."""
    of_all = _clients(rocketmq).consumers.values()
    return {one.name for one in of_all if one.interest(topic) is not None}


def how(rocketmq: "RocketMq", group: str) -> dict[str, object]:
    """Return how a group consumes."""
    found = _clients(rocketmq).consumers[group]
    return {
        "consumeFromWhere": found.start or FROM,
        "consumeType": _HOW[found.how],
        "messageModel": found.model.value.upper(),
    }


def groups(rocketmq: "RocketMq") -> set[str]:
    """Return the groups of consumers that have members."""
    return set(_clients(rocketmq).consumers)


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


def _clients(rocketmq: "RocketMq") -> Clients:
    return rocketmq.broker.groups.clients


def _members(group: ClientGroup | None) -> list[dict[str, object]]:
    return [] if group is None else _told(one.client for one in group.members.values())


def _told(clients: Iterable[Client]) -> list[dict[str, object]]:
    return [
        {
            "clientAddr": one.address,
            "clientId": one.id,
            "language": one.language,
            "version": one.version,
        }
        for one in clients
    ]
