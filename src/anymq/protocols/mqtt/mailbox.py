"""Mailbox: what a client has subscribed to, and the queue that keeps messages for it.

MQTT calls it a session. It may outlive the connection, and the broker; while its client is there,
`carrier` is the connection. A queue exists once there are subscriptions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from anymq.core.errors import Conflict, Refused
from anymq.core.message import Envelope, Message
from anymq.core.queues.arguments import CLASSIC
from anymq.core.queues.queue import Queue
from anymq.core.routing.target import Then
from anymq.core.routing.trie import Trie
from anymq.core.vhosts.vhost import VirtualHost
from anymq.observability.log import Log
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.codec import Wish
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.form import MQTT_FORM, QOS_BITS, RETAIN, RETAINED, unpacked
from anymq.protocols.mqtt.kept import InFlight, SessionRecord, SubscriptionRecord
from anymq.protocols.mqtt.settings import MqttSettings

QUEUE_PREFIX = "mqtt-subscription-"  # as RabbitMQ calls them, so rights say the same
SHARE_QUEUE_PREFIX = "mqtt-share-"
NEVER = 0xFFFF_FFFF

log = Log("anymq.mqtt")
TERMS_MAX = 64  # that a mailbox remembers: most clients get the same kind again and again
PROPERTIES_BYTES_MAX = 256  # of those


class Carrier(Protocol):
    """A connection, as far as a mailbox needs it."""

    def end(self, code: Reason, why: str) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One filter that a client has subscribed to."""

    wish: Wish
    number: int = 0  # the subscription identifier

    @property
    def record(self) -> SubscriptionRecord:
        """As it is kept."""
        wish = self.wish
        return SubscriptionRecord(wish.qos, wish.no_local, wish.retain_as_published, self.number)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a message goes to a client."""

    qos: int
    retain: bool
    numbers: tuple[int, ...]
    topic: str = ""  # unless it is what the routing key says


def queue_name(client_id: str) -> str:
    """Return the queue of a client."""
    return f"{QUEUE_PREFIX}{client_id}"


def share_queue_name(share: topics.Shared) -> str:
    """Return the queue of a shared subscription."""
    return f"{SHARE_QUEUE_PREFIX}{share.group}/{topics.swapped(share.filter)}"


class Mailbox:
    """One client's, by its name."""

    def __init__(
        self, vhost: VirtualHost, client_id: str, user: str, settings: MqttSettings
    ) -> None:
        self.vhost = vhost
        self.client_id = client_id
        self.user = user
        self.expiry_s = 0  # how long it outlives the connection
        self.expires_ms = 0  # when it ends; 0: not while the client is there
        self.is_kept = False  # on the disk
        self.carrier: Carrier | None = None
        self.subscriptions: dict[str, Subscribed] = {}
        self.shared: dict[str, Subscribed] = {}  # those of them that it shares
        self._sure = 0  # how many of the others are of QoS 1 and 2
        self.in_flight = InFlight()
        self.queue: Queue | None = None
        self._settings = settings
        self._trie: Trie[Subscribed] = Trie()
        self._terms: dict[tuple[Envelope, bytes], Terms | None] = {}  # that were looked up

    @property
    def place(self) -> tuple[str, str]:
        """Under which it is known."""
        return self.vhost.name, self.client_id

    @property
    def lasts(self) -> bool:
        """Does it outlive the connection?"""
        return self.expiry_s > 0

    @property
    def durable(self) -> bool:
        """Would a restart find it?"""
        return self.lasts or self.is_kept

    @property
    def record(self) -> SessionRecord:
        """As it is kept, without its subscriptions."""
        return SessionRecord(self.user, self.expiry_s, self.expires_ms)

    def records_of(self, names: Iterable[str]) -> dict[str, SubscriptionRecord | None]:
        """Return subscriptions as they are kept; None for those that are not there."""
        found = {name: self.subscriptions.get(name) for name in names}
        return {name: None if one is None else one.record for name, one in found.items()}

    @property
    def only_at_most_once(self) -> bool:
        """Does nothing have to be acknowledged, of what it shares with nobody?"""
        return not self._sure

    def restore(self, record: SessionRecord, in_flight: InFlight | None) -> None:
        """Be as it was before the restart."""
        self.is_kept = True
        self.expiry_s, self.expires_ms = record.expiry_s, record.expires_ms
        if in_flight is not None:
            self.in_flight = in_flight
        for name, one in record.subscriptions.items():
            wish = Wish(name, one.qos, one.no_local, one.retain_as_published)
            self._note(Subscribed(wish, one.number))
        found = self.vhost.queues.get(queue_name(self.client_id))
        self.queue = found if isinstance(found, Queue) else None
        for name in self.subscriptions:
            self._bind_again(name)

    def _bind_again(self, name: str) -> None:
        """The session is kept, its bindings are not: they would say the same."""
        share = topics.shared(name)
        queue = self.queue
        if share is not None:
            found = self.vhost.queues.get(share_queue_name(share))
            queue, name = found if isinstance(found, Queue) else None, share.filter
        if queue is not None and topics.is_own(name) and not topics.is_sys(name):
            try:
                self._bind(queue, name, _nothing)
            except Refused as error:  # there are too many now
                log.warning("a subscription is not restored", filter=name, reason=str(error))

    def add(self, subscribed: Subscribed, then: Then) -> bool:
        """Subscribe; say whether it is new. `then`: a restart would find its queue."""
        name = subscribed.wish.filter
        share = topics.shared(name)
        if share is None and topics.is_own(name):
            alone = not self.durable
            queue = self.queue = self._declare(queue_name(self.client_id), then, alone=alone)
            if not topics.is_sys(name):
                self._bind(queue, name, _nothing)
        elif share is not None:
            queue = self._declare(share_queue_name(share), then, alone=False)
            self._bind(queue, share.filter, _nothing)
        else:
            then(None)
        return self._note(subscribed)

    def remove(self, name: str) -> bool:
        """Unsubscribe; False: there was no such subscription."""
        subscribed = self.subscriptions.pop(name, None)
        if subscribed is None:
            return False
        self.shared.pop(name, None)
        if topics.is_own(name):
            self._terms.clear()
            self._sure -= subscribed.wish.qos > 0
            self._trie.discard(topics.swapped(name), subscribed)
            key, queue = topics.swapped(name), queue_name(self.client_id)
            if queue in self.vhost.queues and not topics.is_sys(name):
                self.vhost.unbind(topics.EXCHANGE, queue, key, owner=self._owner)
        return True

    def end(self) -> None:
        """Nobody will come back to it."""
        name = queue_name(self.client_id)
        queue = self.queue
        if queue is not None and self.vhost.queues.get(name) is queue:
            self.vhost.unmake(queue, _nothing)
        self.queue = None

    def terms(self, message: Message) -> Terms | None:
        """Say how a message goes to this client; None: not at all."""
        kind = message.envelope, message.properties
        try:
            return self._terms[kind]
        except KeyError:
            pass
        terms = self._look_up(message)
        if len(message.properties) <= PROPERTIES_BYTES_MAX:
            if len(self._terms) >= TERMS_MAX:
                self._terms.clear()
            self._terms[kind] = terms
        return terms

    def _look_up(self, message: Message) -> Terms | None:
        key = message.envelope.routing_key
        topic_is_ours = key[:1] == "$"
        matching = [
            one
            for one in self._trie.match(key)
            if not (topic_is_ours and topics.begins_with_wildcard(one.wish.filter))
        ]
        return terms_of(message, matching, self.client_id)

    def _note(self, subscribed: Subscribed) -> bool:
        name = subscribed.wish.filter
        before = self.subscriptions.get(name)
        if topics.is_own(name):
            self._terms.clear()
            if before is not None:
                self._sure -= before.wish.qos > 0
                self._trie.discard(topics.swapped(name), before)
            self._sure += subscribed.wish.qos > 0
            self._trie.add(topics.swapped(name), subscribed)
        elif topics.shared(name) is not None:
            self.shared[name] = subscribed
        self.subscriptions[name] = subscribed
        return before is None

    @property
    def _owner(self) -> "Mailbox | None":
        """Who has its queue for himself."""
        return self if self.queue is not None and self.queue.owner is self else None

    def _declare(self, name: str, then: Then, *, alone: bool) -> Queue:
        """Make a queue, or find it."""
        found = self.vhost.queues.get(name)
        if found is not None:
            then(None)
        else:
            settings = self._settings
            found = self.vhost.declare_queue(
                name,
                durable=not alone,
                owner=self if alone else None,
                arguments={
                    "x-queue-type": CLASSIC,
                    "x-max-length": settings.mailbox_messages_max,
                    "x-max-length-bytes": settings.mailbox_bytes_max,
                },
                then=then,
            )
        if not isinstance(found, Queue):
            raise Conflict(f"{name} is no queue that MQTT made")
        return found

    def _bind(self, queue: Queue, name: str, then: Then) -> None:
        key = topics.swapped(name)
        owner = queue.owner
        self.vhost.bind(topics.EXCHANGE, queue.name, key, owner=owner, remade=True, then=then)


def terms_of(message: Message, matching: list[Subscribed], client_id: str) -> Terms | None:
    """Say how a message goes to a client by these subscriptions; None: not at all."""
    if message.envelope.form is MQTT_FORM:
        flags, publisher, _ = unpacked(message.properties)
        matching = [one for one in matching if not one.wish.no_local or publisher != client_id]
        published = flags & QOS_BITS
    else:
        flags, published = 0, int(message.traits.persistent)
    if not matching:
        return None
    qos = min(published, max(one.wish.qos for one in matching))
    as_published = flags & RETAIN and any(one.wish.retain_as_published for one in matching)
    numbers = tuple(sorted({one.number for one in matching if one.number}))
    return Terms(qos, bool(flags & RETAINED or as_published), numbers)


def _nothing(error: Exception | None) -> None:
    pass
