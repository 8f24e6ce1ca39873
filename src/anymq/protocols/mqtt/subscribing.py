"""Subscribing: which messages a client gets, with those that are retained."""

from collections.abc import Callable, Iterator
from functools import partial

from anymq.core.errors import Invalid, Locked, NotAllowed, NotFound, Refused, Unavailable
from anymq.core.joined import Joined
from anymq.core.message import Envelope, Message, Run
from anymq.core.queues.queue import Queue
from anymq.core.rights.permit import CONFIGURE, READ, WRITE, Permit
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.codec import Suback, Subscribe, Unsuback, Unsubscribe
from anymq.protocols.mqtt.errors import REFUSALS, MqttFault, Reason, reason_of
from anymq.protocols.mqtt.form import MQTT_FORM, QOS_BITS, as_retained
from anymq.protocols.mqtt.kept import RetainedMessage, Then
from anymq.protocols.mqtt.mailbox import (
    QUEUE_PREFIX,
    SHARE_QUEUE_PREFIX,
    Mailbox,
    Subscribed,
    Terms,
    queue_name,
    share_queue_name,
    terms_of,
)
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.outgoing import Outgoing
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.retained import Found
from anymq.protocols.mqtt.wire import Wire

FAILURE = 0x80  # what SUBACK says before MQTT 5, whatever the reason
AT_ONCE = 500  # steps of looking for retained messages; then others have their turn
WAITING_MAX = 1000  # of them in the mailbox, before there are more
ALWAYS, IF_NEW, NEVER = 0, 1, 2  # of retain handling

Search = Iterator[Found | None]


class Once:
    """Passes on the first call: what is refused may have begun, and end later all the same."""

    def __init__(self, then: Then) -> None:
        self._then: Then | None = then

    def __call__(self, error: Exception | None) -> None:
        """It has ended."""
        then, self._then = self._then, None
        if then is not None:
            then(error)


class Subscribing:
    """The subscribing side of one connection."""

    def __init__(
        self, mqtt: Mqtt, wire: Wire, mailbox: Mailbox, permit: Permit, outgoing: Outgoing
    ) -> None:
        self._mqtt = mqtt
        self._wire = wire
        self._mailbox = mailbox
        self._permit = permit
        self._outgoing = outgoing
        # What is still to be put in the mailbox, by filter; the first one last.
        self._retained: list[tuple[str, Search]] = []

    @property
    def has_more(self) -> bool:
        """Are there retained messages to be put in the mailbox, and is there room?"""
        queue = self._mailbox.queue
        return bool(self._retained) and queue is not None and queue.waiting < WAITING_MAX

    def resume(self) -> None:
        """Take again what the mailbox has subscribed to; what is not allowed any more goes."""
        gone = []
        for name, subscribed in list(self._mailbox.subscriptions.items()):
            try:
                self._check(name)
                self._mailbox.add(subscribed, _nothing)
                self._begin(subscribed)
            except Refused:
                self._forget(name)
                gone.append(name)
        if gone:
            self._mqtt.save(self._mailbox, changed=gone)
        self._take()

    def allowed(self) -> bool:
        """Is everything that is subscribed to still allowed?"""
        try:
            for name in self._mailbox.subscriptions:
                self._check(name)
        except Refused:
            return False
        return True

    def on_subscribe(self, packet: Subscribe) -> None:
        """Subscribe; the answer waits until a restart would find it so."""
        numbers = packet.properties.get(P.SUBSCRIPTION_ID, (0,))
        codes: list[int] = []
        retained: dict[str, Search] = {}
        suback = Suback(packet.packet_id, codes)
        safe = Joined(partial(self._subscribed, suback, retained), 1 + len(packet.wishes))
        for wish in packet.wishes:
            declared = Once(safe)
            try:
                codes.append(self._subscribe(Subscribed(wish, numbers[0]), retained, declared))
            except REFUSALS as error:
                codes.append(self._code(error))
                declared(None)  # its code says it
        filters = [wish.filter for wish in packet.wishes]
        self._mqtt.save(self._mailbox, safe, filters)

    def on_unsubscribe(self, packet: Unsubscribe) -> None:
        """Subscribe no more."""
        codes = [
            Reason.SUCCESS if self._forget(name) else Reason.NO_SUBSCRIPTION
            for name in packet.filters
        ]
        if any(code is Reason.SUCCESS for code in codes):
            self._take()
        unsuback = Unsuback(packet.packet_id, codes if self._wire.v5 else ())
        self._mqtt.save(self._mailbox, lambda _: self._answer(unsuback), packet.filters)

    def go_on(self) -> None:
        """Put some more retained messages in the mailbox."""
        left = AT_ONCE
        while self._retained and left and self.has_more:
            left -= 1
            try:
                found = next(self._retained[-1][1])
            except StopIteration:
                self._retained.pop()
                continue
            if found is not None:
                self._put(*found)

    def end(self) -> None:
        """The client is gone."""
        self._retained.clear()

    # Within

    def _subscribe(self, subscribed: Subscribed, retained: dict[str, Search], then: Then) -> int:
        wish, mailbox = subscribed.wish, self._mailbox
        self._check(wish.filter)
        if topics.queue_of(wish.filter) is not None:
            # QoS 2 keeps positions of one queue only: the client's own.
            wish = wish._replace(qos=min(wish.qos, 1), retain_handling=NEVER)
            subscribed = Subscribed(wish, subscribed.number)
        share = topics.shared(wish.filter)
        if share is not None and wish.no_local:
            raise MqttFault(Reason.PROTOCOL_ERROR, "a shared subscription that is not local")
        if len(mailbox.subscriptions) >= self._mqtt.settings.subscriptions_max:
            raise Unavailable("too many subscriptions")
        is_new = mailbox.add(subscribed, then)
        self._begin(subscribed)
        self._mqtt.add_share(mailbox, wish.filter)
        wanted = wish.retain_handling == ALWAYS or (wish.retain_handling == IF_NEW and is_new)
        if share is None and wanted:
            retained[wish.filter] = self._source(wish.filter)
        return wish.qos

    def _check(self, name: str) -> None:
        """Refuse a filter that is no good, or not allowed: as RabbitMQ asks for rights."""
        share = topics.shared(name)
        wanted = name if share is None else share.filter
        if share is None:
            topics.check_filter(name)
        if (named := topics.queue_of(wanted)) is not None:
            self._check_queue(named, shared=share is not None)
            return
        if topics.is_sys(wanted):
            self._check_sys(shared=share is not None)
        queue = queue_name(self._mailbox.client_id) if share is None else share_queue_name(share)
        for right in (CONFIGURE, WRITE, READ):
            self._permit.queue(right, queue)
        self._permit.exchange(READ, topics.EXCHANGE)
        if self._permit.has_topics:
            self._permit.topics(READ, topics.EXCHANGE, (topics.swapped(wanted),))

    def _check_queue(self, name: str, *, shared: bool) -> None:
        if shared:
            raise Invalid("who subscribes to a queue shares it anyway")
        if name.startswith((QUEUE_PREFIX, SHARE_QUEUE_PREFIX)):
            raise NotAllowed(f"{name} is the queue of a client")
        self._permit.queue(READ, name)
        queue = self._mailbox.vhost.queues.get(name)
        if queue is None:
            raise NotFound(f"no queue '{name}'")
        if not isinstance(queue, Queue):
            raise Invalid(f"{name} is a topic: it is read by its address")
        if queue.owner is not None:
            raise Locked(f"queue '{name}' is exclusive")

    def _consume(self, subscribed: Subscribed) -> None:
        """Take from a queue beside all others who do."""
        name = topics.queue_of(subscribed.wish.filter)
        queue = self._mailbox.vhost.queues.get(name or "")
        if isinstance(queue, Queue) and not self._wire.ended:
            terms = partial(_queue_terms, subscribed)
            confirms = subscribed.wish.qos > 0
            self._outgoing.take_from(queue, terms, is_shared=True, confirms=confirms)

    def _check_sys(self, *, shared: bool) -> None:
        if shared or not self._mqtt.settings.sys_interval_s:
            raise Invalid("there are no such figures, or not for groups")
        if not self._mqtt.sys.may_read(self._permit.user):
            raise NotAllowed("figures of the broker are for monitoring")

    def _begin(self, subscribed: Subscribed) -> None:
        """Do what filters need that are no topics of others."""
        if topics.is_sys(subscribed.wish.filter):
            self._mqtt.sys.watch(self._mailbox)
        elif topics.queue_of(subscribed.wish.filter) is not None:
            self._consume(subscribed)

    def _source(self, filter_: str) -> Search:
        """Return what there is for a filter, before anything new comes."""
        if not topics.is_sys(filter_):
            return self._mqtt.retained(self._mailbox.vhost.name).match(filter_)
        return self._mqtt.sys.match(filter_)

    def _code(self, error: Exception) -> int:
        """Return what SUBACK says of a refusal."""
        if not self._wire.v5:
            return FAILURE
        reason = reason_of(error)
        return Reason.BAD_FILTER if reason is Reason.BAD_TOPIC else reason

    def _subscribed(
        self, suback: Suback, retained: dict[str, Search], error: Exception | None
    ) -> None:
        if error is not None:
            codes = [self._code(error)] * len(suback.codes)
            self._answer(Suback(suback.packet_id, codes))
            return
        self._answer(suback)
        if retained:
            # Who subscribes again gets them again: once, however often it did before they came.
            left = [one for one in self._retained if one[0] not in retained]
            self._retained = [*reversed(retained.items()), *left]
        self._take()
        self.go_on()
        self._wire.outbox.wake()

    def _answer(self, packet: Suback | Unsuback) -> None:
        if not self._wire.send(packet):
            packet = type(packet)(packet.packet_id, packet.codes)
            self._wire.send(packet)

    def _take(self) -> None:
        """Let messages come from every queue that is subscribed to."""
        mailbox, outgoing = self._mailbox, self._outgoing
        if self._wire.ended:
            return
        if mailbox.queue is not None:
            confirms = not mailbox.only_at_most_once
            outgoing.take_from(mailbox.queue, mailbox.terms, is_shared=False, confirms=confirms)
        for name, subscribed in mailbox.shared.items():
            share = topics.shared(name)
            queue = mailbox.vhost.queues.get(share_queue_name(share)) if share else None
            if isinstance(queue, Queue):
                terms: Callable[[Message], Terms | None] = partial(_shared_terms, subscribed)
                outgoing.take_from(queue, terms, is_shared=True, confirms=True)

    def _forget(self, name: str) -> bool:
        found = self._mailbox.remove(name)
        if (named := topics.queue_of(name)) is not None:
            self._outgoing.leave(named)
        try:
            share = topics.shared(name)
        except Refused:
            return found
        if share is not None:
            self._outgoing.leave(share_queue_name(share))
            self._mqtt.drop_share(self._mailbox, name)
        return found

    def _put(self, topic: str, kept: RetainedMessage) -> None:
        """Put a retained message in the mailbox, unless it is too old."""
        envelope = Envelope(topics.EXCHANGE, topics.swapped(topic), MQTT_FORM)
        properties = as_retained(kept.properties)
        message = Message(envelope, properties, kept.body, kept.timestamp_ms)
        expiration_ms = message.traits.expiration_ms
        now_ms = self._mqtt.broker.now_ms()
        if expiration_ms is not None and kept.timestamp_ms + expiration_ms <= now_ms:
            self._mqtt.retained(self._mailbox.vhost.name).forget(topic)
            return
        queue = self._mailbox.queue
        if queue is not None:
            queue.push(Run([message], persistent=properties[0] & QOS_BITS > 0), None)


def _queue_terms(subscribed: Subscribed, message: Message) -> Terms:
    """A message of a queue comes as safely as the client wants, whoever wrote it."""
    wish, numbers = subscribed.wish, (subscribed.number,) if subscribed.number else ()
    envelope = message.envelope
    is_ours = envelope.exchange == topics.EXCHANGE and topics.name_of(envelope.routing_key)
    return Terms(wish.qos, False, numbers, "" if is_ours else wish.filter)


def _shared_terms(subscribed: Subscribed, message: Message) -> Terms | None:
    return terms_of(message, [subscribed], "")


def _nothing(error: Exception | None) -> None:
    pass
