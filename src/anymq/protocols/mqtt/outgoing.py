"""Outgoing: messages to a client, and what it says of them.

The number of a message is made of its position in the client's queue. So it is the same again after
a reconnect or a restart, as MQTT wants it, and nothing about it has to be kept. A message of QoS 2
goes out when it is on the disk: after a crash, its position may be that of another.
"""

from collections.abc import Callable, Sequence

from anymq.core.message import Message, Run
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.progress import Progress
from anymq.core.queues.queue import Queue
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
)
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.taker import NOWHERE, FindTerms, Sent, Taker
from anymq.protocols.mqtt.wire import Wire

OWN_NUMBERS = 49_151  # 1 to this: by position, or of fleeting queues; above: of shared queues
NUMBER_MAX = 65_535


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
        self._in_flight = mailbox.in_flight
        self._kept = kept
        self._now_ms = now_ms
        self._in_flight_max = in_flight_max
        self._bytes_max = bytes_max
        self._aliases_max = aliases_max
        self._aliases: dict[str, int] = {}
        self._last_fleeting = 0
        self._last_shared = OWN_NUMBERS
        self._short = False  # somebody was without credit
        self._leaving = Leaving(mailbox.place, mailbox.in_flight, kept, settled)

    @property
    def credit(self) -> int:
        """How many messages the client may get now."""
        if not self.has_room:
            return 0
        room = self._in_flight_max - len(self.sent) - len(self._in_flight.arrived)
        if room > 0:
            return 1 if self.wire.outbox.scarce else room
        self._short = True
        return 0

    @property
    def has_room(self) -> bool:
        """Does the client take what it is owed?"""
        wire = self.wire
        if wire.outbox.has_room(self._bytes_max) and not wire.ended:
            return True
        self._short = True
        return False

    @property
    def has_news(self) -> bool:
        """Is somebody waiting for room that there is now?"""
        if not self._short or self._numbers_left <= 0:
            return False
        return not self.wire.ended and self.wire.outbox.has_room(self._bytes_max // 2)

    @property
    def _numbers_left(self) -> int:
        return self._in_flight_max - len(self.sent) - len(self._in_flight.arrived)

    def begin(self) -> None:
        """Say again what has not been answered."""
        for number in list(self._in_flight.arrived):
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

    def take_from(self, queue: Queue, terms: FindTerms, *, is_shared: bool, confirms: bool) -> None:
        """Let the client have what is in a queue."""
        taker = self.takers.get(queue.name)
        if taker is None or taker.queue is not queue:
            taker = Taker(self, queue, terms, is_shared=is_shared)
            self.takers[queue.name] = taker
        taker.terms = terms
        taker.begin(confirms=confirms)

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
        """Send a run as everybody gets it; False: this client gets it in another way."""
        message = run.messages[0]
        terms = taker.terms(message)
        if terms is None or terms.qos > 1 or not self._is_simple(message, terms):
            return False
        count = len(run.messages)
        first = self._next_numbers(count) if terms.qos else 0
        if first is None or not is_alike(run):
            return False
        flags = terms.qos << 1 | terms.retain
        ready = packed_run(run, flags, first, v5=self.wire.v5)
        if ready is None or not self._send_packed(ready, count):
            return False
        if first:
            self._note_fleeting(taker, range(first, first + count))
        return True

    def send_alike(
        self, taker: Taker, deliveries: Sequence[Delivery], messages: Sequence[Message]
    ) -> bool:
        """Send messages of one kind at once; False: they must go one by one."""
        message = messages[0]
        terms = taker.terms(message)
        if terms is None or terms.qos > 1 or not self._is_simple(message, terms):
            return False
        numbers = self._numbers(taker, deliveries) if terms.qos else None
        if numbers is not None and not numbers:
            return False
        flags = terms.qos << 1 | terms.retain
        ready = packed(message.envelope, messages, flags, numbers, v5=self.wire.v5)
        if ready is None or not self._send_packed(ready, len(messages)):
            return False
        if numbers is None:
            taker.settle([one.position for one in deliveries])
        elif taker.fleeting:
            self._note_fleeting(taker, numbers)
        else:
            places = zip(deliveries, numbers, strict=True)
            self.sent.update((number, Sent(taker, one[0], 1)) for one, number in places)
        return True

    def _numbers(self, taker: Taker, deliveries: Sequence[Delivery]) -> Sequence[int]:
        """Return the numbers of messages that may go now; nothing when they cannot, at once."""
        if taker.fleeting:
            first = self._next_numbers(len(deliveries))
            return () if first is None else range(first, first + len(deliveries))
        numbers = [one[0] % OWN_NUMBERS + 1 for one in deliveries]
        is_first = not any(one.redelivered for one in deliveries)
        return numbers if is_first and self._are_free(taker, numbers) else ()

    def _note_fleeting(self, taker: Taker, numbers: Sequence[int]) -> None:
        self._last_fleeting = numbers[-1]
        self.sent.update(dict.fromkeys(numbers, taker.at_least_once))

    def _next_numbers(self, count: int) -> int | None:
        """Return the first of so many numbers in a row; None when not all of them are free."""
        first = self._last_fleeting + 1
        if first + count > OWN_NUMBERS:
            first = 1
        in_flight = self._in_flight
        if in_flight.arrived or in_flight.written:
            return None
        is_free = self.sent.keys().isdisjoint(range(first, first + count))
        return first if is_free else None

    def _send_packed(self, ready: Packed, count: int) -> bool:
        wire = self.wire
        if ready.largest > wire.packet_bytes_max:
            return False
        wire.send_all(ready.pieces, count)
        return True

    def _is_simple(self, message: Message, terms: Terms) -> bool:
        """Does it go to this client without saying anything that others are not told?"""
        is_own = bool(terms.numbers or terms.topic or self._aliases_max)
        return not is_own and is_plain(message, self.wire)

    def _are_free(self, taker: Taker, numbers: Sequence[int]) -> bool:
        """Can messages have these numbers, and go now?"""
        in_flight = self._in_flight
        is_free = not (taker.is_shared or taker.waiting or in_flight.arrived or in_flight.written)
        return is_free and self.sent.keys().isdisjoint(numbers)

    def is_free(self, position: int) -> bool:
        """Can this one be sent now?"""
        return not self._is_used(_own_number(position), position)

    def _send_surely(self, taker: Taker, delivery: Delivery, terms: Terms, *, waited: bool) -> bool:
        number = self._number(taker, delivery)
        in_flight, position = self._in_flight, delivery.position
        if taker.by_position and position in (
            in_flight.arrived.get(number),
            in_flight.complete.get(number),
        ):
            return True  # the client has it; PUBREL is on its way, or was
        if not waited and not self._may_go(taker, delivery, terms, number):
            taker.wait(delivery)
            return False
        self.sent[number] = Sent(taker, delivery.position, terms.qos)
        if self._tell(delivery, terms, number):
            return False
        del self.sent[number]
        if taker.is_plain_queue:
            taker.refuse([delivery.position])
            return False
        return True

    def _may_go(self, taker: Taker, delivery: Delivery, terms: Terms, number: int) -> bool:
        if taker.waiting or self._is_used(number, delivery.position):
            return False
        return terms.qos < 2 or taker.fleeting or taker.is_kept(delivery.position)

    def _number(self, taker: Taker, delivery: Delivery) -> int:
        if taker.is_shared:
            return self._free_shared()
        return self._free_fleeting() if taker.fleeting else _own_number(delivery.position)

    def _tell(self, delivery: Delivery, terms: Terms, number: int) -> bool:
        packet = self._packet(delivery, terms, number)
        told = packet is not None and self.wire.send(packet)
        if not told:
            self.wire.counters.dropped += 1
        return told

    def _packet(self, delivery: Delivery, terms: Terms, number: int) -> Publish | None:
        message = delivery.message
        topic = terms.topic or topics.name_of(message.envelope.routing_key)
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
        in_flight = self._in_flight
        if number in self.sent or number in in_flight.arrived:
            return True
        return in_flight.written.get(number, position) != position

    def _free_fleeting(self) -> int:
        self._last_fleeting = self._free(self._last_fleeting, 1, OWN_NUMBERS)
        return self._last_fleeting

    def _free_shared(self) -> int:
        self._last_shared = self._free(self._last_shared, OWN_NUMBERS + 1, NUMBER_MAX)
        return self._last_shared

    def _free(self, last: int, least: int, most: int) -> int:
        """Return the next number that is free: never more than the limit are under way."""
        while True:
            last = last + 1 if last < most else least
            if not self._is_used(last, NOWHERE):
                return last

    # From the client

    def on_puback(self, packet: Answer) -> None:
        """A message of QoS 1 arrived, or was refused."""
        sent = self.sent.get(packet.packet_id)
        if sent is None or sent.qos != 1:
            return
        if packet.code >= Reason.UNSPECIFIED and sent.taker.is_plain_queue:
            del self.sent[packet.packet_id]
            sent.taker.refuse([sent.position])
            self._short = True
        else:
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
            if one.position == NOWHERE:
                continue
            if one.taker is not taker:
                if taker is not None:
                    taker.settle(positions)
                taker, positions = one.taker, []
            positions.append(one.position)
        if taker is not None:
            taker.settle(positions)
        self._note_free()

    def on_pubrec(self, packet: Answer) -> None:
        """A message of QoS 2 arrived: it must never be sent again, so that is kept."""
        number, arrived = packet.packet_id, self._in_flight.arrived
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
        number, in_flight = packet.packet_id, self._in_flight
        position = in_flight.arrived.pop(number, None)
        if position is not None:
            if self._mailbox.durable:
                in_flight.complete[number] = position
                self._leaving.add(number)
            self._short = True

    def _record(self, number: int, sent: Sent) -> None:
        def recorded(error: Exception | None) -> None:
            if error is not None or self.sent.get(number) is not sent:
                return  # it is sent again, and then it is a duplicate that the client knows
            self._in_flight.arrived[number] = sent.position
            self._done(number, sent)
            self.wire.send(Pubrel(number))

        if self._mailbox.durable:
            self._in_flight.written[number] = sent.position
            self._kept.put_arrived(self._mailbox.place, number, sent.position, recorded)
        else:
            recorded(None)

    def _done(self, number: int, sent: Sent) -> None:
        del self.sent[number]
        sent.taker.settle([sent.position])
        self._note_free()

    def _note_free(self) -> None:
        """Some numbers are free. Who was without credit is known; who waits for one goes on."""
        self._short = self._short or any(taker.waiting for taker in self.takers.values())


def _own_number(position: int) -> int:
    return position % OWN_NUMBERS + 1
