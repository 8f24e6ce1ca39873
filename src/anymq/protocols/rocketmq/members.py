"""Members: who produces and who consumes in which group, as heartbeats say."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.subscriptions import Subscription

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.session import RocketMqSession


@dataclass(slots=True)
class ConsumerGroup:
    """Consumers that share topics."""

    name: str
    clients: "dict[RocketMqSession, str]" = field(default_factory=dict)  # and their ids
    subscriptions: dict[str, Subscription] = field(default_factory=dict)  # by topic


class Members:
    """All groups that have somebody in them."""

    def __init__(self) -> None:
        self.consumers: dict[str, ConsumerGroup] = {}
        self.producers: dict[str, dict[RocketMqSession, str]] = {}

    def produces(self, client: "RocketMqSession", group: str) -> None:
        """A client says that it produces in a group."""
        self.producers.setdefault(group, {})[client] = client.client_id

    def consumes(
        self, client: "RocketMqSession", group: str, subscriptions: list[Subscription]
    ) -> None:
        """A client says that it consumes in a group, and what."""
        found = self.consumers.get(group)
        if found is None:
            found = self.consumers[group] = ConsumerGroup(group)
        is_new = found.clients.get(client) != client.client_id
        found.clients[client] = client.client_id
        changed = False
        for one in subscriptions:
            old = found.subscriptions.get(one.topic)
            if old is None or old.version < one.version:
                found.subscriptions[one.topic] = one
                changed = True
        wanted = {one.topic for one in subscriptions}
        for topic in [one for one in found.subscriptions if one not in wanted]:
            del found.subscriptions[topic]
            changed = True
        if is_new or changed:
            self._tell(found)

    def leaves(self, client: "RocketMqSession", producer: str, consumer: str) -> None:
        """A client says that it is no member any more."""
        if producer and producer in self.producers:
            self.producers[producer].pop(client, None)
            if not self.producers[producer]:
                del self.producers[producer]
        if consumer and consumer in self.consumers:
            self._leaves(self.consumers[consumer], client)

    def gone(self, client: "RocketMqSession") -> None:
        """A connection is gone."""
        for name in [one for one, clients in self.producers.items() if client in clients]:
            self.leaves(client, name, "")
        for group in list(self.consumers.values()):
            if client in group.clients:
                self._leaves(group, client)

    def groups_of(self, client: "RocketMqSession") -> set[str]:
        """Return the groups that a client is in."""
        return {name for name, clients in self.producers.items() if client in clients} | {
            group.name for group in self.consumers.values() if client in group.clients
        }

    def subscription(self, group: str, topic: str) -> Subscription | None:
        """Return what a group wants of a topic."""
        found = self.consumers.get(group)
        return None if found is None else found.subscriptions.get(topic)

    def _leaves(self, group: ConsumerGroup, client: "RocketMqSession") -> None:
        if group.clients.pop(client, None) is None:
            return
        if group.clients:
            self._tell(group)
        else:
            self.consumers.pop(group.name, None)

    def _tell(self, group: ConsumerGroup) -> None:
        """Have all look again who there is: they share the queues among themselves."""
        for client in list(group.clients):
            client.tell(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, {"consumerGroup": group.name})
