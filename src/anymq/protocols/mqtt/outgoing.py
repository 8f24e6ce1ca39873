"""Outgoing: messages to a client, and what it says of them.

The number of a message is made of its position in the client's queue. So it is the same again after
a reconnect or a restart, as MQTT wants it, and nothing about it has to be kept. A message of QoS 2
goes out when it is on the disk: after a crash, its position may be that of another.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from anymq.core.message import Message, Run
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.priorities import kept_at
from anymq.core.queues.progress import Progress
from anymq.core.queues.queue import Queue
from anymq.core.queues.subscription import Subscription, unplaced
from anymq.core.taps import Origin
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.codec import Answer, Publish, Pubrel
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.form import MQTT_FORM, sayable, unpacked
from anymq.protocols.mqtt.kept import Kept
from anymq.protocols.mqtt.leaving import Leaving
from anymq.protocols.mqtt.mailbox import Mailbox, Terms
from anymq.protocols.mqtt.packing import (
    Packed,
    is_alike,
    is_plain,
    packed,
    packed_run,
    stretches,
)
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.wire import Wire

OWN_NUMBERS = 49_151  # 1 to this: by position; above: of shared queues, whichever is free
NUMBER_MAX = 65_535
NOWHERE = -1
WITHOUT_LIMIT = 1 << 30  # where nothing is to be confirmed

FindTerms = Callable[[Message], Terms | None]


@dataclass(slots=True)
class Sent:
    """A message that the client has not confirmed."""

    taker: "Taker"
    position: int
    qos: int
    recording: bool = False  # PUBREC came, and is on its way to the disk


class Taker:
    """Takes from one queue what goes to the client."""

    def __init__(
        self, outgoing: "Outgoing", queue: Queue, terms: FindTerms, *, is_shared: bool
    ) -> None:
        self.queue = queue
        self.is_shared = is_shared
        self.terms = terms
        self.waiting: deque[Delivery] = deque()  # for their numbers, or for the disk
        self.subscription: Subscription | None = None
        self._outgoing = outgoing
        self._awaits_disk = False

    def begin(self, *, no_ack: bool) -> None:
        """Take from now on."""
        if self.subscription is not None and self.subscription.no_ack != no_ack:
            self.end()
        if self.subscription is None:
            self.subscription = self.queue.subscribe(self, tag="mqtt", no_ack=no_ack)

    def end(self) -> None:
        """Take nothing more, and give back what is unconfirmed: it comes again with its number."""
        subscription, self.subscription = self.subscription, None
        if subscription is None:
            return
        self.queue.unsubscribe(subscription)
        positions = [one.position for one in self.waiting]
        positions += self._outgoing.let_go(self)
        self.waiting.clear()
        if positions and not subscription.no_ack:
            self.queue.give_back(subscription, positions)

    # What the queue asks, and tells

    @property
    def credit(self) -> int:
        """How many messages it may get now."""
        outgoing = self._outgoing
        if self.subscription is not None and self.subscription.no_ack:
            return WITHOUT_LIMIT if outgoing.has_room else 0
        return 0 if self.waiting else outgoing.credit

    @property
    def shares(self) -> object | None:
        """All queues of a client share its limit; most have one."""
        return self._outgoing if len(self._outgoing.takers) > 1 else None

    @property
    def who(self) -> Origin:
        """Whose it is."""
        return self._outgoing.wire.who

    def deliver(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """Send these."""
        self.subscription = subscription  # it may come before `subscribe` has returned
        messages = [one.message for one in deliveries]
        for begin, end in stretches(messages):
            self._deliver(deliveries[begin:end], messages[begin:end])

    def _deliver(self, deliveries: Sequence[Delivery], messages: Sequence[Message]) -> None:
        """Send some that are alike."""
        if not self._outgoing.send_alike(self, deliveries, messages):
            self.settle([one.position for one in deliveries if self._outgoing.send(self, one)])

    def take_run(self, subscription: Subscription, run: Run) -> None:
        """Send a run, of which nothing is to be confirmed."""
        if not self._outgoing.send_run(self, run):
            self.deliver(subscription, unplaced(run))

    def cancelled(self, subscription: Subscription) -> None:
        """Somebody has deleted the queue."""
        self.subscription = None
        self.waiting.clear()
        self._outgoing.let_go(self)
        self._outgoing.on_lost(self)

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        """Only quorum queues have that."""

    def settle(self, positions: Sequence[int]) -> None:
        """The client has these, or will never have them."""
        subscription = self.subscription
        if positions and subscription is not None and not subscription.no_ack:
            self.queue.settle(subscription, positions)

    def more(self) -> None:
        """There may be credit again."""
        while self.waiting and self._may_go(self.waiting[0].position):
            one = self.waiting.popleft()
            if self._outgoing.send(self, one, waited=True):
                self.settle([one.position])
        if self.subscription is not None and not self.waiting:
            self.subscription.more()

    def is_kept(self, position: int) -> bool:
        """Would a restart find this one here, or nothing of this queue?"""
        place = kept_at(self.queue.line, position)
        return place is None or place[1] < place[0].visible_end

    def wait(self, delivery: Delivery) -> None:
        """Send it later."""
        self.waiting.append(delivery)
        self._await_disk()

    def _may_go(self, position: int) -> bool:
        self._await_disk()
        is_free = self.is_shared or self._outgoing.is_free(position)
        return is_free and self.is_kept(position)

    def _await_disk(self) -> None:
        """Hear when the first that waits is on the disk."""
        position = self.waiting[0].position
        place = kept_at(self.queue.line, position)
        if place is not None and not self._awaits_disk and not self.is_kept(position):
            self._awaits_disk = True
            place[0].when_durable(place[1], partial(self._on_disk, position))

    def _on_disk(self, position: int, error: Exception | None) -> None:
        self._awaits_disk = False
        while error is not None and self.waiting and self.waiting[0].position <= position:
            self.settle([self.waiting.popleft().position])  # it is lost, as its publisher knows
        self.more()


class Outgoing:
    """Everything that goes to one client, as long as it is connected."""

    def __init__(
        self,
        wire: Wire,
        mailbox: Mailbox,
        kept: Kept,
        *,
        now_ms: Callable[[], int],
        in_flight_max: int,
        bytes_max: int,
        aliases_max: int,
        on_lost: Callable[[Taker], None],
        settled: Progress,
    ) -> None:
        self.wire = wire
        self.takers: dict[str, Taker] = {}  # by queue
        self.on_lost = on_lost
        self.sent: dict[int, Sent] = {}
        self._mailbox = mailbox
        self._kept = kept
        self._now_ms = now_ms
        self._in_flight_max = in_flight_max
        self._bytes_max = bytes_max
        self._aliases_max = aliases_max
        self._aliases: dict[str, int] = {}
        self._next_shared = OWN_NUMBERS
        self._short = False  # somebody was without credit
        self._leaving = Leaving(mailbox.place, mailbox.in_flight, kept, settled)

    @property
    def credit(self) -> int:
        """How many messages the client may get now."""
        if not self.has_room:
            return 0
        room = self._numbers_left
        self._short = self._short or room <= 0
        return max(0, room)

    @property
    def has_room(self) -> bool:
        """Does the client take what it is owed?"""
        has_room = not self.wire.ended and self.wire.outbox.size <= self._bytes_max
        self._short = self._short or not has_room
        return has_room

    @property
    def has_news(self) -> bool:
        """Is somebody waiting for room that there is now?"""
        if not self._short or self._numbers_left <= 0:
            return False
        return not self.wire.ended and self.wire.outbox.size <= self._bytes_max // 2

    @property
    def _numbers_left(self) -> int:
        return self._in_flight_max - len(self.sent) - len(self._mailbox.in_flight.arrived)

    def begin(self) -> None:
        """Say again what has not been answered."""
        for number in list(self._mailbox.in_flight.arrived):
            self.wire.send(Pubrel(number))

    def end(self) -> None:
        """The client is gone."""
        for taker in list(self.takers.values()):
            taker.end()
        self.takers.clear()

    def go_on(self) -> None:
        """There may be room again."""
        self._short = False
        for taker in list(self.takers.values()):
            taker.more()

    def take_from(self, queue: Queue, terms: FindTerms, *, is_shared: bool, no_ack: bool) -> None:
        """Let the client have what is in a queue."""
        taker = self.takers.get(queue.name)
        if taker is None or taker.queue is not queue:
            taker = Taker(self, queue, terms, is_shared=is_shared)
            self.takers[queue.name] = taker
        taker.terms = terms
        taker.begin(no_ack=no_ack)

    def leave(self, queue_name: str) -> None:
        """Take nothing more from a queue."""
        taker = self.takers.pop(queue_name, None)
        if taker is not None:
            taker.end()

    def let_go(self, taker: Taker) -> list[int]:
        """Forget what was sent of a queue; return the positions."""
        numbers = [number for number, one in self.sent.items() if one.taker is taker]
        return [self.sent.pop(number).position for number in numbers]

    # To the client

    def send(self, taker: Taker, delivery: Delivery, *, waited: bool = False) -> bool:
        """Send a message; True when that is all, and it need not be waited for.

        `waited`: it may go now.
        """
        terms = taker.terms(delivery.message)
        if terms is None:
            return True
        if not terms.qos:
            self._tell(delivery, terms, 0)
            return True
        return self._send_surely(taker, delivery, terms, waited=waited)

    def send_run(self, taker: Taker, run: Run) -> bool:
        """Send a run of QoS 0 as everybody gets it; False: this client gets it in another way."""
        message = run.messages[0]
        terms = taker.terms(message)
        if terms is None or not self._is_simple(message, terms) or not is_alike(run):
            return False
        wire = self.wire
        ready = packed_run(run, terms.retain, v5=wire.v5)
        return ready is not None and self._send_packed(ready, len(run.messages))

    def send_alike(
        self, taker: Taker, deliveries: Sequence[Delivery], messages: Sequence[Message]
    ) -> bool:
        """Send messages of one kind at once; False: they must go one by one."""
        message = messages[0]
        terms = taker.terms(message)
        if terms is None or terms.qos > 1 or not self._is_simple(message, terms):
            return False
        positions = [one[0] for one in deliveries]
        numbers: list[int] | None = None
        if terms.qos:
            numbers = [position % OWN_NUMBERS + 1 for position in positions]
            if not self._are_free(taker, numbers) or any(one.redelivered for one in deliveries):
                return False
        flags = terms.qos << 1 | terms.retain
        ready = packed(message.envelope, messages, flags, numbers, v5=self.wire.v5)
        if ready is None or not self._send_packed(ready, len(messages)):
            return False
        if numbers is None:
            taker.settle(positions)
        else:
            places = zip(positions, numbers, strict=True)
            self.sent.update((number, Sent(taker, at, 1)) for at, number in places)
        return True

    def _send_packed(self, ready: Packed, count: int) -> bool:
        wire = self.wire
        if ready.largest > wire.packet_bytes_max:
            return False
        wire.send_all(ready.pieces, count)
        return True

    def _is_simple(self, message: Message, terms: Terms) -> bool:
        """Does it go to this client without saying anything that others are not told?"""
        return not terms.numbers and not self._aliases_max and is_plain(message, self.wire)

    def _are_free(self, taker: Taker, numbers: Sequence[int]) -> bool:
        """Can messages have these numbers, and go now?"""
        in_flight = self._mailbox.in_flight
        is_free = not (taker.is_shared or taker.waiting or in_flight.arrived or in_flight.written)
        return is_free and self.sent.keys().isdisjoint(numbers)

    def is_free(self, position: int) -> bool:
        """Can this one be sent now?"""
        return not self._is_used(_own_number(position), position)

    def _send_surely(self, taker: Taker, delivery: Delivery, terms: Terms, *, waited: bool) -> bool:
        number = self._free_shared() if taker.is_shared else _own_number(delivery.position)
        arrived = self._mailbox.in_flight.arrived
        if not taker.is_shared and arrived.get(number) == delivery.position:
            return True  # the client has it; PUBREL is on its way
        if not waited and not self._may_go(taker, delivery, terms, number):
            taker.wait(delivery)
            return False
        self.sent[number] = Sent(taker, delivery.position, terms.qos)
        if self._tell(delivery, terms, number):
            return False
        del self.sent[number]
        return True

    def _may_go(self, taker: Taker, delivery: Delivery, terms: Terms, number: int) -> bool:
        if taker.waiting or self._is_used(number, delivery.position):
            return False
        return terms.qos < 2 or taker.is_kept(delivery.position)

    def _tell(self, delivery: Delivery, terms: Terms, number: int) -> bool:
        packet = self._packet(delivery, terms, number)
        told = packet is not None and self.wire.send(packet)
        if not told:
            self.wire.counters.dropped += 1
        return told

    def _packet(self, delivery: Delivery, terms: Terms, number: int) -> Publish | None:
        message = delivery.message
        topic = topics.name_of(message.envelope.routing_key)
        if topic is None:
            return None
        properties: dict[int, object] = {}
        if self.wire.v5:
            properties = self._properties(message, terms)
            topic = self._aliased(topic, properties)
        dup = delivery.redelivered and 0 < number <= OWN_NUMBERS
        return Publish(topic, message.body, terms.qos, number, terms.retain, dup, properties)

    def _properties(self, message: Message, terms: Terms) -> dict[int, object]:
        if message.envelope.form is MQTT_FORM:
            properties = dict(unpacked(message.properties)[2])
        else:
            properties = sayable(message.read())
        expiry_s = properties.get(P.MESSAGE_EXPIRY)
        if expiry_s is not None:
            waited_s = max(0, self._now_ms() - message.timestamp_ms) // 1000
            properties[P.MESSAGE_EXPIRY] = max(0, expiry_s - waited_s)
        if terms.numbers:
            properties[P.SUBSCRIPTION_ID] = list(terms.numbers)
        return properties

    def _aliased(self, topic: str, properties: dict[int, object]) -> str:
        """Say a number for a topic that was said before."""
        if not self._aliases_max:
            return topic
        alias = self._aliases.get(topic)
        if alias is not None:
            properties[P.TOPIC_ALIAS] = alias
            return ""
        if len(self._aliases) < self._aliases_max:
            properties[P.TOPIC_ALIAS] = self._aliases[topic] = len(self._aliases) + 1
        return topic

    def _is_used(self, number: int, position: int = NOWHERE) -> bool:
        """Is it that of another message than the one at this position?"""
        in_flight = self._mailbox.in_flight
        if number in self.sent or number in in_flight.arrived:
            return True
        return in_flight.written.get(number, position) != position

    def _free_shared(self) -> int:
        while True:
            self._next_shared += 1
            if self._next_shared > NUMBER_MAX:
                self._next_shared = OWN_NUMBERS + 1
            if not self._is_used(self._next_shared):
                return self._next_shared

    # From the client

    def on_puback(self, packet: Answer) -> None:
        """A message of QoS 1 arrived, or was refused."""
        sent = self.sent.get(packet.packet_id)
        if sent is not None and sent.qos == 1:
            self._done(packet.packet_id, sent)

    def on_pubacks(self, numbers: Sequence[int]) -> None:
        """These messages of QoS 1 arrived."""
        sent = self.sent
        taker: Taker | None = None
        positions: list[int] = []
        for number in numbers:
            one = sent.get(number)
            if one is None or one.qos != 1:
                continue
            del sent[number]
            if one.taker is not taker:
                if taker is not None:
                    taker.settle(positions)
                taker, positions = one.taker, []
            positions.append(one.position)
        if taker is not None:
            taker.settle(positions)
            self._short = True

    def on_pubrec(self, packet: Answer) -> None:
        """A message of QoS 2 arrived: it must never be sent again, so that is kept."""
        number, arrived = packet.packet_id, self._mailbox.in_flight.arrived
        sent = self.sent.get(number)
        if sent is None or sent.qos != 2:
            if packet.code < Reason.UNSPECIFIED:
                known = number in arrived
                self.wire.send(Pubrel(number, 0 if known else Reason.ID_NOT_FOUND))
            return
        if packet.code >= Reason.UNSPECIFIED:
            self._done(number, sent)
        elif not sent.recording:
            sent.recording = True
            self._record(number, sent)

    def on_pubcomp(self, packet: Answer) -> None:
        """It is complete: the number is free."""
        if self._mailbox.in_flight.arrived.pop(packet.packet_id, None) is not None:
            if self._mailbox.durable:
                self._leaving.add(packet.packet_id)
            self._short = True

    def _record(self, number: int, sent: Sent) -> None:
        def recorded(error: Exception | None) -> None:
            if error is not None or self.sent.get(number) is not sent:
                return  # it is sent again, and then it is a duplicate that the client knows
            self._mailbox.in_flight.arrived[number] = sent.position
            self._done(number, sent)
            self.wire.send(Pubrel(number))

        if self._mailbox.durable:
            self._mailbox.in_flight.written[number] = sent.position
            self._kept.put_arrived(self._mailbox.place, number, sent.position, recorded)
        else:
            recorded(None)

    def _done(self, number: int, sent: Sent) -> None:
        del self.sent[number]
        sent.taker.settle([sent.position])
        self._short = True


def _own_number(position: int) -> int:
    return position % OWN_NUMBERS + 1
