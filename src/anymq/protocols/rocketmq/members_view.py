"""Who is in which group, as administrators see it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anymq.core.streams.clients import ClientGroup, How, Interest, Model

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

_HOW = {
    How.PUSH: "CONSUME_PASSIVELY",
    How.PULL: "CONSUME_ACTIVELY",
    How.POP: "CONSUME_POP",
}
_MODEL = {Model.CLUSTERING: "CLUSTERING", Model.BROADCASTING: "BROADCASTING"}
_START = {
    "0": "CONSUME_FROM_LAST_OFFSET",  # C++ sends the numbers of its enumeration
    "1": "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
    "4": "CONSUME_FROM_FIRST_OFFSET",
    "5": "CONSUME_FROM_TIMESTAMP",
}
_DEFAULT_START = "CONSUME_FROM_LAST_OFFSET"


def consumers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of consumers."""
    return _told(rocketmq.clients.consumers.get(group))


def producers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of producers."""
    return _told(rocketmq.clients.producers.get(group))


def all_producers(rocketmq: "RocketMq") -> dict[str, list[dict[str, object]]]:
    """Return the members of all groups of producers."""
    return {group: producers(rocketmq, group) for group in sorted(rocketmq.clients.producers)}


def subscriptions(rocketmq: "RocketMq", group: str) -> dict[str, dict[str, object]]:
    """Return what a group wants, by topic."""
    found = rocketmq.clients.consumers.get(group)
    interests = found.interests() if found is not None else {}
    return {topic: said(interest) for topic, interest in interests.items()}


def groups_on(rocketmq: "RocketMq", topic: str) -> set[str]:
    """Return the groups with members that want something of a topic."""
    groups: Iterable[ClientGroup] = rocketmq.clients.consumers.values()
    return {one.name for one in groups if one.interest(topic) is not None}


def how(rocketmq: "RocketMq", group: str) -> dict[str, object]:
    """Return how a group consumes."""
    found = rocketmq.clients.consumers.get(group) or ClientGroup(group)
    return {
        "consumeFromWhere": _START.get(found.start, found.start) or _DEFAULT_START,
        "consumeType": _HOW[found.how],
        "messageModel": _MODEL[found.model],
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


def _told(group: ClientGroup | None) -> list[dict[str, object]]:
    members = group.members.values() if group is not None else ()
    return [
        {
            "clientAddr": one.client.address,
            "clientId": one.client.id,
            "language": one.client.language,
            "version": one.client.version,
        }
        for one in members
    ]
