"""Who is in which group, as administrators see it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anymq.protocols.rocketmq.subscriptions import Subscription

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq
    from anymq.protocols.rocketmq.session import RocketMqSession


def consumers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of consumers."""
    found = rocketmq.members.consumers.get(group)
    return [] if found is None else _told(found.clients.items())


def producers(rocketmq: "RocketMq", group: str) -> list[dict[str, object]]:
    """Return the members of a group of producers."""
    return _told(rocketmq.members.producers.get(group, {}).items())


def all_producers(rocketmq: "RocketMq") -> dict[str, list[dict[str, object]]]:
    """Return the members of all groups of producers."""
    return {group: producers(rocketmq, group) for group in sorted(rocketmq.members.producers)}


def subscriptions(rocketmq: "RocketMq", group: str) -> dict[str, dict[str, object]]:
    """Return what a group wants, by topic."""
    found = rocketmq.members.consumers.get(group)
    return {} if found is None else {one: said(of) for one, of in found.subscriptions.items()}


def groups_on(rocketmq: "RocketMq", topic: str) -> set[str]:
    """Return the groups with members that want something of a topic."""
    of_all = rocketmq.members.consumers.values()
    return {one.name for one in of_all if topic in one.subscriptions}


def how(rocketmq: "RocketMq", group: str) -> dict[str, object]:
    """Return how a group consumes."""
    return {
        "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": "CLUSTERING",
    }


def groups(rocketmq: "RocketMq") -> set[str]:
    """Return the groups of consumers that have members."""
    return set(rocketmq.members.consumers)


def said(of: Subscription) -> dict[str, object]:
    """Return a subscription as answers have it."""
    return {
        "classFilterMode": False,
        "codeSet": [],
        "expressionType": of.kind,
        "subString": of.expression,
        "subVersion": of.version,
        "tagsSet": [],
        "topic": of.topic,
    }


def _told(clients: "Iterable[tuple[RocketMqSession, str]]") -> list[dict[str, object]]:
    return [
        {
            "clientAddr": f"{session.peer.host}:{session.peer.port}",
            "clientId": client_id,
            "language": session.language,
            "version": session.version,
        }
        for session, client_id in clients
    ]
