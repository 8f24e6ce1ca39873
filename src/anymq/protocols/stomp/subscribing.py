"""Subscribing: SUBSCRIBE, UNSUBSCRIBE, and what clients say about messages: ACK, NACK."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from anymq.core.errors import Invalid, Refused
from anymq.core.message import Time
from anymq.core.queues.arguments import check_consumer
from anymq.core.rights.permit import CONFIGURE, READ, WRITE
from anymq.core.routing.target import Then
from anymq.core.vhosts import needs
from anymq.core.vhosts.kinds import AnyQueue
from anymq.protocols.stomp import destinations
from anymq.protocols.stomp.codec import V12
from anymq.protocols.stomp.consuming import AUTO, CLIENT, INDIVIDUAL, Consumer, Unsettled
from anymq.protocols.stomp.destinations import Destination, Kind
from anymq.protocols.stomp.errors import StompError
from anymq.protocols.stomp.ground import Ground
from anymq.protocols.stomp.making import (
    check_same_selector,
    is_true,
    make_sure,
    number_of,
    selector_argument,
    subscription_name,
    terms_of,
)

PREFETCH_MAX = 1_000_000
STREAM_OFFSET, STREAM_FILTER = "x-stream-offset", "x-stream-filter"
MATCH_UNFILTERED, PRIORITY = "x-stream-match-unfiltered", "x-priority"

Wait = Callable[[], Then]


@dataclass(slots=True)
class Subscribed:
    """What one SUBSCRIBE asked for."""

    consumer: Consumer
    destination: Destination
    said: str  # how errors name it


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an ACK or NACK is about."""

    taken: list[tuple[Consumer, list[int]]]
    requeue: bool | None  # None: done

    @property
    def count(self) -> int:
        """How many messages that are."""
        return sum(len(numbers) for _, numbers in self.taken)


@dataclass(slots=True)
class Gathering:
    """What one SUBSCRIBE asked for that may mean several places."""

    tag: str
    said: str
    headers: Mapping[str, str]
    version: int  # of what there was when it was looked for
    consumers: list[Consumer] = field(default_factory=list)
    _places: dict[str, Consumer] = field(default_factory=dict)
    _count: int = 0

    @property
    def next_tag(self) -> str:
        """How the next consumer is called: the first as the client calls all of them."""
        return f"{self.tag}@@{self._count}" if self._count else self.tag

    def reads(self, place: str) -> bool:
        """Is there a consumer of this one?"""
        return self._places.get(place) in self.consumers

    def add(self, consumer: Consumer, place: str) -> None:
        """It belongs to the others."""
        self._count += 1
        self.consumers.append(consumer)
        self._places[place] = consumer
        consumer.together = self.consumers


class Subscriptions:
    """Those of one client."""

    def __init__(
        self,
        ground: Ground,
        on_lost: Callable[[Subscribed], None],
        on_late: Callable[[Consumer, int], None],
    ) -> None:
        self.unsettled = Unsettled(
            ground.wire, ground.session_id, ground.settings.delivery_bytes_max
        )
        self.by_tag: dict[str, Subscribed] = {}
        self.gatherings: dict[str, Gathering] = {}  # those by patterns, which may find more
        self.replies: dict[str, str] = {}  # queues for answers, by the destination in `reply-to`
        self._ground = ground
        self._ended: list[Consumer] = []  # that are no more, but something is out with them
        self._on_lost = on_lost
        self._on_late = on_late

    # SUBSCRIBE

    def subscribe(self, headers: Mapping[str, str], wait: Wait) -> None:
        """Begin to send what comes to a destination."""
        if "destination" not in headers:
            raise StompError(
                "Missing destination", "\"SUBSCRIBE\" must include a 'destination' header\n"
            )
        dialect = self._ground.dialect
        parts = dialect.subscribes(self._ground, headers)
        if parts and "id" in parts[0]:
            headers = {**headers, "id": parts[0]["id"]}
        for part in parts:
            _check_durable(part)
        tag, said = _tag_of(headers)
        places = [_place_of(part) for part in parts]
        self._check_new(tag, len(parts))
        gathering = Gathering(tag, said, headers, self._ground.vhost.topology.version)
        try:
            for place, part in zip(places, parts, strict=True):
                self._begin(gathering, place, part, wait)
        except (StompError, Refused):
            self._end_all(gathering.consumers)
            raise
        if dialect.pattern(headers) is not None:
            self.gatherings[tag] = gathering

    def _check_new(self, tag: str, count: int) -> None:
        if tag in self.by_tag or tag in self.gatherings:
            raise StompError(
                "Duplicated subscription identifier",
                f"A subscription identified by '{tag}' already exists.",
                fatal=True,
            )
        if len(self.by_tag) + count > self._ground.settings.subscriptions_max:
            raise Invalid("too many subscriptions of one connection")

    def _begin(
        self,
        gathering: "Gathering",
        destination: Destination,
        headers: Mapping[str, str],
        wait: Wait,
    ) -> None:
        ack, arguments = _ack_of(headers), _consumer_arguments(headers)
        if destination.is_queue:
            arguments.update(selector_argument(headers))
        prefetch = _prefetch_of(headers, self._ground.settings.prefetch)
        tag = gathering.next_tag
        self._check_topic(destination)
        queue, is_new = self._queue_of(destination, headers, wait)
        try:
            self._bind(destination, queue, wait)
            consumer = self._consumer(queue, tag, headers.get("id"), ack, prefetch)
            self._consume(consumer, arguments)
        except Refused:
            if is_new and not destination.is_queue:
                self._ground.vhost.gone(queue)
            raise
        gathering.add(consumer, headers["destination"])
        self.by_tag[tag] = Subscribed(consumer, destination, gathering.said)

    def look_for_more(self) -> bool:
        """There may be new queues that a pattern means; say whether there are."""
        ground, found = self._ground, False
        for gathering in self.gatherings.values():
            version = ground.vhost.topology.version
            if gathering.version == version:
                continue
            gathering.version = version
            for part in ground.dialect.subscribes(ground, gathering.headers):
                has_room = len(self.by_tag) < ground.settings.subscriptions_max
                if has_room and not gathering.reads(part["destination"]):
                    found = True
                    self._begin_more(gathering, part)
        return found

    def _begin_more(self, gathering: "Gathering", part: Mapping[str, str]) -> None:
        with suppress(Refused):  # somebody else has it for himself
            self._begin(gathering, _place_of(part), part, lambda: _nothing)

    def _consumer(
        self, queue: AnyQueue, tag: str, id_: str | None, ack: str, prefetch: int
    ) -> Consumer:
        return Consumer(
            self._ground,
            queue,
            self.unsettled,
            tag=tag,
            id_=id_,
            ack=ack,
            prefetch=prefetch,
            on_lost=self._lost,
            on_late=self._on_late,
        )

    def _consume(self, consumer: Consumer, arguments: Mapping[str, Any]) -> None:
        queue = consumer.queue
        self._ground.permit.queue(READ, queue.name)
        check_consumer(f"queue '{queue.name}' in vhost '{queue.vhost_name}'", queue.kind, arguments)
        consumer.subscription = queue.subscribe(
            consumer, tag=consumer.tag, no_ack=consumer.no_ack, arguments=arguments
        )

    def _check_topic(self, destination: Destination) -> None:
        """Refuse keys of a topic before anything is made."""
        if destination.kind is Kind.TOPIC:
            permit = self._ground.permit
            permit.topics(READ, destination.exchange, (destination.routing_key,))

    def _queue_of(
        self, destination: Destination, headers: Mapping[str, str], wait: Wait
    ) -> tuple[AnyQueue, bool]:
        """Return the queue that is read, and whether it was made for this."""
        ground, kind = self._ground, destination.kind
        if kind in (Kind.AMQ_QUEUE, Kind.REPLY_QUEUE):
            ground.permit.queue(READ, destination.name)
            return ground.vhost.queue(destination.name, ground.owner), False
        if kind is Kind.QUEUE:
            name = destination.name
        else:
            name = subscription_name(ground, destination.routing_key, headers)
        is_new = name not in ground.vhost.queues
        terms = terms_of(kind, headers, subscribes=True)
        if kind is not Kind.QUEUE and not is_new:
            check_same_selector(ground.vhost.queues[name], terms)
        return make_sure(ground, name, terms, wait), is_new

    def _bind(self, destination: Destination, queue: AnyQueue, wait: Wait) -> None:
        if destination.is_queue:
            return
        ground, exchange = self._ground, destination.exchange
        ground.permit.queue(WRITE, queue.name)
        needs.source_of_binding(ground.permit, ground.vhost, exchange, destination.routing_key)
        ground.vhost.bind(
            exchange, queue.name, destination.routing_key, owner=ground.owner, then=wait()
        )

    # UNSUBSCRIBE

    def unsubscribe(self, headers: Mapping[str, str], wait: Wait) -> None:
        """Send no more. Of a durable subscription that is said to be one, the queue goes, too."""
        ground = self._ground
        headers = ground.dialect.unsubscribes(ground, headers)
        _check_durable(headers)
        tag, said = _tag_of(headers)
        gathering, found = self.gatherings.pop(tag, None), self.by_tag.pop(tag, None)
        if gathering is None and found is not None:
            self._end_all(found.consumer.together)
            lasts = is_true(headers, "durable") or is_true(headers, "persistent")
            if lasts and found.destination.kind is Kind.TOPIC:
                self._delete(found.consumer.queue, wait)
        elif gathering is not None:
            self._end_all(gathering.consumers)
        elif not self._forget_sleeping(headers, wait):
            raise StompError(
                "No subscription found",
                "UNSUBSCRIBE must refer to an existing subscription.\n"
                f'Subscription to "{said}" not found.\n',
            )

    def _end_all(self, consumers: Sequence[Consumer]) -> None:
        for consumer in consumers:
            self.by_tag.pop(consumer.tag, None)
            self._end(consumer)

    def _forget_sleeping(self, headers: Mapping[str, str], wait: Wait) -> bool:
        """End a durable subscription that nobody reads just now."""
        name = self._ground.dialect.sleeping(self._ground, headers)
        queue = None if name is None else self._ground.vhost.queues.get(name)
        if queue is not None:
            self._delete(queue, wait)
        return queue is not None

    def _delete(self, queue: AnyQueue, wait: Wait) -> None:
        ground = self._ground
        ground.permit.queue(CONFIGURE, queue.name)
        if ground.vhost.queues.get(queue.name) is queue:
            ground.vhost.delete_queue(queue.name, owner=ground.owner, then=wait())

    def _end(self, consumer: Consumer) -> None:
        consumer.end()
        self._ended = [one for one in self._ended if one.out]
        if consumer.out:
            self._ended.append(consumer)

    # Answers

    def temp_queue(self, destination: str) -> str:
        """Return the queue for answers of a `/temp-queue/…`, made and read from now on."""
        name = self.replies.get(destination)
        if name is not None and name in self._ground.vhost.queues:
            return name
        ground = self._ground
        destinations.parse(destination)
        if len(self.by_tag) >= ground.settings.subscriptions_max:
            raise Invalid("too many subscriptions of one connection")
        name = ground.vhost.new_name("stomp.gen-")
        ground.permit.queue(CONFIGURE, name)
        queue = ground.vhost.declare_queue(name, owner=ground.owner, auto_delete=True)
        consumer = self._consumer(queue, f"T_{destination}", destination, AUTO, 0)
        self._consume(consumer, {})
        self.by_tag[consumer.tag] = Subscribed(
            consumer, Destination(Kind.REPLY_QUEUE, name), f"id='{destination}'"
        )
        self.replies[destination] = name
        return name

    # ACK and NACK

    def settlement(self, command: str, headers: Mapping[str, str]) -> Settlement:
        """Return what an ACK or NACK is about: it is out no more."""
        name = "id" if self._ground.wire.version == V12 else "message-id"
        message_id = headers.get(name)
        if message_id is None:
            raise StompError("Missing header", f'"{command}" must include the "{name}" header\n')
        if message_id.count("@@") < 2:
            raise StompError(
                "Invalid header", f'"{command}" must include a valid "{name}" header\n'
            )
        found = self.unsettled.owner(message_id)
        if found is None:
            number = message_id.rpartition("@@")[2]
            raise StompError("Message not found", f"unknown delivery tag {number}\n")
        consumer, number_out = found
        requeue = None if command == "ACK" else is_true(headers, "requeue", True)
        return Settlement(consumer.take(number_out), requeue)

    def settle(self, settlement: Settlement) -> None:
        """Do it."""
        for consumer, numbers in settlement.taken:
            if settlement.requeue is None:
                consumer.settle(numbers)
            else:
                consumer.reject(numbers, requeue=settlement.requeue)

    def undo(self, settlement: Settlement) -> None:
        """Let it be out as before."""
        for consumer, numbers in settlement.taken:
            there = [number for number in numbers if number in consumer.out]
            self.unsettled.put_back(there, consumer)

    # What becomes of them

    def look_again(self) -> None:
        """There may be room again."""
        self.unsettled.look_again()
        for one in list(self.by_tag.values()):
            one.consumer.more()

    def allowed(self) -> bool:
        """May the client still read all that it reads?"""
        permit = self._ground.permit
        return all(permit.may(READ, one.consumer.queue.name) for one in self.by_tag.values())

    def leave(self) -> None:
        """The client is gone."""
        for one in self.by_tag.values():
            one.consumer.leave()
        for consumer in self._ended:
            consumer.leave()
        self.by_tag.clear()
        self._ended.clear()

    def _lost(self, consumer: Consumer) -> None:
        found = self.by_tag.pop(consumer.tag, None)
        by_pattern = any(consumer in one.consumers for one in self.gatherings.values())
        consumer.together.remove(consumer)
        if found is not None and not by_pattern:
            self._on_lost(found)


def _nothing(error: Exception | None) -> None:
    """Nobody waits for it."""


# What headers say


def _place_of(headers: Mapping[str, str]) -> Destination:
    text = headers["destination"]
    destination = destinations.parse(text)
    if destination.kind is Kind.TEMP_QUEUE:
        raise StompError(
            "Invalid destination", f"'{text}' is not a valid destination for 'SUBSCRIBE'\n"
        )
    return destination


def _check_durable(headers: Mapping[str, str]) -> None:
    lasts = is_true(headers, "durable") or is_true(headers, "persistent")
    if lasts and "id" not in headers:
        raise StompError("Missing Header", "Header 'id' is required for durable subscriptions")


def _tag_of(headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of a subscription, and how errors name it. Without an id, by its place."""
    id_ = headers.get("id")
    if id_ is not None:
        if id_.startswith(destinations.TEMP_QUEUE):
            raise StompError(
                "Invalid id", f"UNSUBSCRIBE 'id' may not start with {destinations.TEMP_QUEUE}\n"
            )
        return f"T_{id_}", f"id='{id_}'"
    destination = headers.get("destination")
    if destination is None:
        raise StompError(
            "Missing destination or id", "UNSUBSCRIBE must include a 'destination' or 'id' header"
        )
    return f"Q_{destination}", f"destination='{destination}'"


def _ack_of(headers: Mapping[str, str]) -> str:
    ack = headers.get("ack", AUTO)
    if ack not in (AUTO, CLIENT, INDIVIDUAL):
        raise StompError("Invalid header", f"'{ack}' is not a valid value of 'ack'\n")
    return ack


def _prefetch_of(headers: Mapping[str, str], default: int) -> int:
    prefetch = number_of(headers, "prefetch-count")
    if prefetch is None:
        return default
    if not 0 <= prefetch <= PREFETCH_MAX:
        raise Invalid(f"prefetch-count {prefetch}: 0 to {PREFETCH_MAX}")
    return prefetch


def _consumer_arguments(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of a consumer that are among headers."""
    arguments: dict[str, Any] = {}
    if STREAM_OFFSET in headers:
        arguments[STREAM_OFFSET] = _offset_of(headers[STREAM_OFFSET])
    if STREAM_FILTER in headers:
        arguments[STREAM_FILTER] = headers[STREAM_FILTER].split(",")
    if MATCH_UNFILTERED in headers:
        arguments[MATCH_UNFILTERED] = is_true(headers, MATCH_UNFILTERED)
    priority = number_of(headers, PRIORITY)
    if priority is not None:
        arguments[PRIORITY] = priority
    return arguments


def _offset_of(text: str) -> object:
    """Return where in a stream to begin: first, last, next, offset=N, timestamp=SECONDS."""
    name, equals, _ = text.partition("=")
    if not equals:
        return text
    number = number_of({name: text[len(name) + 1 :]}, name)
    if name == "offset":
        return number
    if name == "timestamp" and number is not None:
        return Time(number)
    raise Invalid(f"{STREAM_OFFSET} is none: '{text}'")
