"""Incoming: what a client publishes, and our answers to that, in the order in which it came."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from anymq.core.errors import Invalid, NotAllowed, PartlyRejected
from anymq.core.joined import Joined
from anymq.core.message import Envelope, Message, Run
from anymq.core.queues.coming import Coming, Stage
from anymq.core.queues.witness import Witness
from anymq.core.rights.permit import WRITE, Permit
from anymq.core.vhosts.vhost import VirtualHost
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.codec import V5, Answer, Puback, Pubcomp, Publish, Pubrec, Will
from anymq.protocols.mqtt.errors import REFUSALS, MqttFault, Reason, reason_of
from anymq.protocols.mqtt.form import MQTT_FORM, RETAIN, packed
from anymq.protocols.mqtt.kept import Kept, RetainedMessage, Then, ignore
from anymq.protocols.mqtt.mailbox import Mailbox
from anymq.protocols.mqtt.owed import Owed, OwedRun
from anymq.protocols.mqtt.properties import P, Props
from anymq.protocols.mqtt.retained import Retained
from anymq.protocols.mqtt.wire import Wire

ENVELOPES_MAX = 1000  # that a connection remembers
OWN_TOPICS = (topics.SYS_PREFIX, topics.SHARE_PREFIX)  # to which nobody may publish


@dataclass(slots=True)
class Ground:
    """What is published, by whom, and where to."""

    vhost: VirtualHost
    permit: Permit
    mailbox: Mailbox
    kept: Kept
    retained: Retained
    now_ms: Callable[[], int]
    witness: Witness


class Publisher:
    """Publishes for one client: messages, and its will when it is gone."""

    def __init__(self, ground: Ground, wire: Wire) -> None:
        self.ground = ground
        self._wire = wire
        self._envelopes: dict[str, Envelope] = {}

    def check(self, topic: str) -> None:
        """Refuse what this client may not publish to."""
        topics.check_name(topic)
        if topic.startswith(OWN_TOPICS):
            raise NotAllowed(f"nobody may publish to {topic}")
        permit = self.ground.permit
        if topic.startswith(topics.QUEUE_PREFIX):
            permit.exchange(WRITE, "")
            return
        permit.exchange(WRITE, topics.EXCHANGE)
        if permit.has_topics:
            permit.topics(WRITE, topics.EXCHANGE, (topics.swapped(topic),))

    def publish(
        self,
        packet: Publish | Will,
        topic: str,
        then: Then | None,
        returned: Callable[[Message], None] | None = None,
    ) -> None:
        """Publish, once it is checked. `then`: it is as safe as promised.

        `returned` is told before that, if nobody gets it now.
        """
        ground = self.ground
        response = packet.properties.get(P.RESPONSE_TOPIC)
        if response is not None:
            topics.check_name(response)
        flags = packet.qos | (RETAIN if packet.retain else 0)
        properties = packed(flags, ground.mailbox.client_id, _of_message(packet.properties))
        message = Message(self.envelope(topic), properties, packet.payload, ground.now_ms())
        retains = packet.retain and not topic.startswith(topics.QUEUE_PREFIX)
        if retains:
            then = Joined(then or ignore, 2)
            self._retain(topic, message, then)
        run = Run([message], persistent=packet.qos > 0)
        ground.vhost.publish(run, then, returned=returned, who=self._wire.who)

    def _retain(self, topic: str, message: Message, then: Then) -> None:
        kept = None
        if message.body:
            kept = RetainedMessage.of(message.properties, message.body, message.timestamp_ms)
        self.ground.retained.put(topic, kept, then)

    def envelope(self, topic: str) -> Envelope:
        """Return where messages to a topic go."""
        envelope = self._envelopes.get(topic)
        if envelope is None:
            if len(self._envelopes) >= ENVELOPES_MAX:
                self._envelopes.clear()
            envelope = self._envelopes[topic] = _envelope_of(topic)
        return envelope


class Incoming:
    """The publishing side of one connection."""

    def __init__(
        self,
        ground: Ground,
        wire: Wire,
        *,
        in_flight_max: int,
        aliases_max: int,
        on_fault: Callable[[MqttFault], None],
    ) -> None:
        self.publisher = Publisher(ground, wire)
        self.owed: list[Owed | OwedRun] = []
        self._owing = 0  # how many answers that is
        self._ground = ground
        self._wire = wire
        self._in_flight_max = in_flight_max
        self._aliases_max = aliases_max
        self._aliases: dict[int, str] = {}
        self._on_fault = on_fault

    @property
    def busy(self) -> bool:
        """Does somebody wait for an answer?"""
        return bool(self.owed)

    @property
    def has_room(self) -> bool:
        """May it publish more?"""
        return self._owing < self._in_flight_max

    @property
    def room(self) -> int:
        """How many messages that are to be answered may still come?"""
        return self._in_flight_max - self._owing

    def publish_run(self, run: Run, numbers: Sequence[bytes]) -> None:
        """Publish messages of QoS 1 that were checked; their answers wait for the disk."""
        owed = OwedRun(numbers, run.messages)
        self._wait_for(owed)
        returned = owed.note_nowhere if self._wire.version == V5 else None
        then = partial(self._run_published, owed)
        try:
            self._ground.vhost.publish(run, then, returned=returned, who=self._wire.who)
        except REFUSALS as error:
            self._run_published(owed, error)

    def publish_unanswered(self, run: Run) -> None:
        """Publish messages of QoS 0 that were checked."""
        try:
            self._ground.vhost.publish(run, None, who=self._wire.who)
        except REFUSALS as error:
            self._refuse(None, error)

    def on_publish(self, packet: Publish) -> None:
        """Publish a message; the answer waits for the disk, the next packet does not."""
        topic = self._topic_of(packet)
        if packet.qos == 2 and self._is_known(packet.packet_id):
            return
        owed = self._begin(packet)
        try:
            self.publisher.check(topic)
            if owed is None:
                self.publisher.publish(packet, topic, None)
            elif packet.qos == 2 and self._ground.mailbox.durable:
                self._publish_once(packet, topic, owed)
            else:
                then = partial(self._published, owed)
                self.publisher.publish(packet, topic, then, partial(_note_nowhere, owed))
        except REFUSALS as error:
            if packet.qos == 2:
                self._never_came(packet.packet_id)
            self._refuse(owed, error)

    def _is_known(self, number: int) -> bool:
        """Did this message come before? Then it is answered, now or when the disk has it."""
        in_flight = self._ground.mailbox.in_flight
        if number in in_flight.came:
            self._owe(Owed(Pubrec, number, Reason.SUCCESS))
            return True
        if number in in_flight.coming:
            owed = Owed(Pubrec, number)
            self._wait_for(owed)
            in_flight.coming[number].append(partial(self._settled, owed))
            return True
        return False

    def _publish_once(self, packet: Publish, topic: str, owed: Owed) -> None:
        """Publish, and write down where to: a restart can see by that how far it came.

        What a crash interrupted goes to where it did not get. The log in which that is written
        leads, so the number may be there without the message, never the reverse.
        """
        ground, number = self._ground, packet.packet_id
        begun = ground.mailbox.in_flight.begun
        has_it = begun.get(number, []) if packet.dup else []
        then = Joined(partial(self._published, owed), 2)
        nowhere = partial(_note_nowhere, owed)
        places = ground.witness.watch(
            lambda: self.publisher.publish(packet, topic, then, nowhere),
            {log_id for log_id, _ in has_it},
        )
        begun.pop(number, None)
        coming = Coming(Stage.COMING, has_it + places)
        ground.kept.put_came(ground.mailbox.place, number, coming, then)

    def on_pubrel(self, packet: Answer) -> None:
        """The client will not send it again.

        It may give the next message this number as soon as we answer: a restart must not take that
        one for this.
        """
        number, in_flight = packet.packet_id, self._ground.mailbox.in_flight
        if number not in in_flight.came and number not in in_flight.released:
            known = Reason.ID_NOT_FOUND if self._wire.version == V5 else Reason.SUCCESS
            self._owe(Owed(Pubcomp, number, known))
            return
        in_flight.came.discard(number)
        in_flight.released.add(number)
        owed = Owed(Pubcomp, number)
        self._owe(owed)
        self._forget(number, partial(self._released, owed))

    def _released(self, owed: Owed, error: Exception | None) -> None:
        in_flight = self._ground.mailbox.in_flight
        if owed.number in in_flight.released:  # else somebody asked twice, and heard
            in_flight.released.discard(owed.number)
            if error is not None:
                in_flight.came.add(owed.number)
        self._settled(owed, error)

    def _begin(self, packet: Publish) -> Owed | None:
        if not packet.qos:
            return None
        under_way = self._owing + len(self._ground.mailbox.in_flight.came)
        if packet.qos == 2 and self._wire.version == V5 and under_way >= self._in_flight_max:
            raise MqttFault(Reason.TOO_MANY_AT_ONCE, "more messages at once than Receive Maximum")
        owed = Owed(Pubrec if packet.qos == 2 else Puback, packet.packet_id)
        if packet.qos == 2:
            in_flight = self._ground.mailbox.in_flight
            in_flight.coming[packet.packet_id] = [partial(self._settled, owed)]
        self._wait_for(owed)
        return owed

    def _published(self, owed: Owed, error: Exception | None) -> None:
        """It is as safe as promised; of QoS 2, its number is, too."""
        if owed.make is not Pubrec:
            self._settled(owed, error)
            return
        in_flight = self._ground.mailbox.in_flight
        waiting = in_flight.coming.pop(owed.number)
        if error is None:
            in_flight.came.add(owed.number)
        else:
            self._forget(owed.number, ignore)
        for told in waiting:  # who came again meanwhile asked again
            told(error)

    def _never_came(self, number: int) -> None:
        in_flight = self._ground.mailbox.in_flight
        in_flight.coming.pop(number, None)
        if in_flight.begun.pop(number, None) is not None:
            self._forget(number, ignore)

    def _forget(self, number: int, then: Then) -> None:
        mailbox = self._ground.mailbox
        if mailbox.durable:
            self._ground.kept.put_came(mailbox.place, number, None, then)
        else:
            then(None)

    def _settled(self, owed: Owed, error: Exception | None) -> None:
        if error is not None:
            self._refuse(owed, error)
            return
        owed.code = Reason.NO_SUBSCRIBERS if owed.nowhere else Reason.SUCCESS
        self._answer()

    def _refuse(self, owed: Owed | None, error: Exception) -> None:
        """Say no; before MQTT 5 there is no way to, so that the connection ends."""
        if self._wire.version != V5:
            self._on_fault(MqttFault(reason_of(error), str(error)))
        elif owed is not None:
            owed.code, owed.why = reason_of(error), str(error)
            self._answer()

    def _run_published(self, owed: OwedRun, error: Exception | None) -> None:
        """They are as safe as promised, or some of them, or they were refused."""
        if error is not None:
            if self._wire.version != V5:
                self._on_fault(MqttFault(reason_of(error), str(error)))
                return
            places = error.indexes if isinstance(error, PartlyRejected) else range(owed.count)
            owed.refuse(places, reason_of(error), str(error))
        owed.is_known = True
        self._answer()

    def _owe(self, owed: Owed) -> None:
        self._wait_for(owed)
        self._answer()

    def _wait_for(self, owed: Owed | OwedRun) -> None:
        self.owed.append(owed)
        self._owing += owed.count

    def _answer(self) -> None:
        """Send the answers whose turn it is."""
        owed, wire = self.owed, self._wire
        while owed and owed[0].is_known:
            one = owed.pop(0)  # there are few: a deque would take 760 bytes of each idle session
            self._owing -= one.count
            one.send(wire)

    def _topic_of(self, packet: Publish) -> str:
        if P.SUBSCRIPTION_ID in packet.properties:
            raise MqttFault(Reason.PROTOCOL_ERROR, "a subscription identifier in a PUBLISH")
        alias = packet.properties.get(P.TOPIC_ALIAS)
        if alias is not None:
            return self._alias(alias, packet.topic)
        if not packet.topic and self._wire.version == V5:
            raise MqttFault(Reason.PROTOCOL_ERROR, "neither a topic nor an alias")
        try:
            topics.check_name(packet.topic)
        except Invalid as error:
            raise MqttFault(Reason.BAD_TOPIC, str(error)) from None
        return packet.topic

    def _alias(self, alias: int, topic: str) -> str:
        if not 0 < alias <= self._aliases_max:
            raise MqttFault(Reason.BAD_ALIAS, f"topic alias {alias}: up to {self._aliases_max}")
        if topic:
            self._aliases[alias] = topic
        elif alias not in self._aliases:
            raise MqttFault(Reason.PROTOCOL_ERROR, f"topic alias {alias} means nothing yet")
        return self._aliases[alias]


def _note_nowhere(owed: Owed, _message: Message) -> None:
    owed.nowhere = True


def _envelope_of(topic: str) -> Envelope:
    if topic.startswith(topics.QUEUE_PREFIX):
        return Envelope("", topic[len(topics.QUEUE_PREFIX) :], MQTT_FORM)
    return Envelope(topics.EXCHANGE, topics.swapped(topic), MQTT_FORM)


def _of_message(properties: Props) -> Props:
    """Leave out what is between the client and us."""
    ours = (P.TOPIC_ALIAS, P.WILL_DELAY)
    if not any(number in properties for number in ours):
        return properties
    return {number: value for number, value in properties.items() if number not in ours}
