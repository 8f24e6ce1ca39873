"""Publishing: from an exchange to the queues, a run at a time where that is possible.

Most runs have one route, which depends on nothing but exchange and key: it is looked up by the
run's envelope and stays right until the topology changes. Messages that want to be looked at one by
one (CC, BCC, delays; headers, hashes or chance decide) are, and go on in runs as long as possible.

Measured by benchmarks/micro/routes.py.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from anymq.core.errors import (
    NotAllowed,
    NotFound,
    PreconditionFailed,
    Refused,
    Unavailable,
)
from anymq.core.message import Envelope, Message, Run, Value
from anymq.core.queues.deadletters import copies_count
from anymq.core.queues.limits import QueueFull
from anymq.core.routing.exchange import Destination, Exchange, RoutesBy
from anymq.core.routing.target import Target, Then
from anymq.core.taps import BROKER, Origin, Taps
from anymq.core.values import type_name
from anymq.core.vhosts.addresses import TRIE
from anymq.core.vhosts.interception import Interception
from anymq.core.vhosts.pushing import Part, Targets, one, push, push_parts
from anymq.core.vhosts.stream import Stream
from anymq.core.vhosts.topology import Topology
from anymq.core.vhosts.ways import Ways
from anymq.observability.log import Log as News

ROUTES_MAX = 10_000  # that are remembered
COPIES = ("CC", "BCC")
COPIED = b"CC"  # in both: forms write the names of headers as they are, so few must be decoded
DELAY = "x-delay"
DUE_MS_MAX = 253_402_300_799_999  # the end of the year 9999: what comes later comes then

Returned = Callable[[Message], None]

news = News(__name__)


class Publishing:
    """Brings messages to where the topology says."""

    def __init__(
        self,
        name: str,
        topology: Topology[Any],
        delayed: Target,
        now_ms: Callable[[], int],
        taps: Taps,
        interception: Interception,
    ) -> None:
        self.ways = Ways(topology)
        self.now_ms = now_ms
        self._name = name
        self._topology = topology
        self._delayed = delayed
        self._taps = taps
        self._interception = interception or None
        self._routes: dict[Envelope, tuple[Exchange, Targets]] = {}
        self._version = -1

    def publish(
        self,
        run: Run,
        then: Then | None,
        returned: Returned | None = None,
        who: Origin = BROKER,
    ) -> bool:
        """Bring a run to its queues; NotFound, NotAllowed when that cannot be.

        False: it went nowhere. `returned` is told of each message that did, before `then`.
        """
        self._look_again()
        if self._interception is not None:
            return self._interception.publish(
                run, then, who, lambda part, told: self._publish(part, told, returned, who)
            )
        return self._publish(run, then, returned, who)

    def _look_again(self) -> None:
        """Forget the ways that are known, if there may be others now."""
        if self._version != self._topology.version:
            self._routes.clear()
            self._version = self._topology.version

    def _publish(self, run: Run, then: Then | None, returned: Returned | None, who: Origin) -> bool:
        known = self._routes.get(run.envelope)
        if self._taps.tap is not None:
            return self._one_by_one(self._exchange(run.envelope), run, then, returned, who)
        if known is None or self._wants_more(run):
            return self._publish_anew(run, then, returned)
        return _pass_on(known, run, then, returned)

    def lone(self, envelope: Envelope) -> Target | None:
        """Return the one queue that all with this envelope go to, if that is known.

        Not one that may refuse single messages, nor of messages that want to be looked at.
        """
        if self._version != self._topology.version:
            return None
        if self._taps.tap is not None or self._interception is not None:
            return None  # each message is looked at
        known = self._routes.get(envelope)
        if known is None or len(known[1]) != 1 or known[1][0].singles:
            return None
        return known[1][0]

    def push_alone(self, target: Target, run: Run, then: Then | None) -> None:
        """Bring a run to what `lone` returned for its envelope."""
        known = self._routes.get(run.envelope)
        if known is not None:
            known[0].came += len(run.messages)
            known[0].went += len(run.messages)
        target.push(run, then)

    def _publish_anew(self, run: Run, then: Then | None, returned: Returned | None) -> bool:
        """Find the way of a run, and remember it where others will go the same."""
        envelope = run.envelope
        exchange = self._exchange(envelope)
        if exchange.router.keeps is not RoutesBy.KEY or self._wants_more(run):
            return self._one_by_one(exchange, run, then, returned)
        targets, keep = self.ways.find(exchange, (envelope.routing_key,), run.messages[0])
        if not keep:
            return self._one_by_one(exchange, run, then, returned)
        return _pass_on(self._remember(envelope, exchange, targets), run, then, returned)

    def _remember(
        self, envelope: Envelope, exchange: Exchange, targets: Targets
    ) -> tuple[Exchange, Targets]:
        if len(self._routes) >= ROUTES_MAX:
            self._routes.clear()
        known = self._routes[envelope] = (exchange, targets)
        return known

    def send(self, destination: Destination, message: Message) -> None:
        """Hand one message to a queue, or route it on from an exchange."""
        if isinstance(destination, Exchange):
            keys, message = addressed(message)
            targets, _ = self.ways.find(destination, keys, message)
        else:
            targets = (destination,)
        push(targets, one(message), None)

    def relay(self, run: Run, stream: Stream) -> None:
        """Bring what was appended to a topic to all who listen at its address."""
        self._look_again()
        known = self._routes.get(run.envelope)
        if known is None:
            known = self._relay_anew(run, stream)
        if known is not None:
            self._tell_of([(known[1], [*run.messages])], BROKER)
            _pass_on(known, run, None, None)

    def _relay_anew(self, run: Run, stream: Stream) -> tuple[Exchange, Targets] | None:
        """Find the way of a run from a topic, and remember it; None: each has its own, and went."""
        exchange = self._topology.exchanges[TRIE]
        parts: list[Part] = []
        for message in run.messages:
            found, keep = self.ways.find(exchange, (stream.name,), message)
            targets = tuple(target for target in found if target is not stream)
            if keep:
                return self._remember(run.envelope, exchange, targets)
            parts.append((targets, [message]))
        exchange.came += len(parts)
        exchange.went += sum(len(targets) for targets, _ in parts)
        self._tell_of(parts, BROKER)
        push_parts(parts, None)
        return None

    def release(self, message: Message, then: Then) -> None:
        """The time of a delayed message has come. `then` gets an error if it is to come again.

        It was confirmed long ago. So it waits on where a queue has no room for it; unless it is a
        dead letter by that, or is in another queue, where it would come twice.
        """
        try:
            # For its queues it comes now: a TTL begins with this.
            message = _undelayed(message)._replace(timestamp_ms=self.now_ms())
            targets, message = self._look_for_own(message)
        except Unavailable as error:
            then(error)
            return
        except Refused as error:
            _note_lost(self._name, message, error)
            then(None)
            return

        def answered(error: Exception | None) -> None:
            waits_on = len(targets) == 1 and isinstance(error, QueueFull) and not error.buried
            if not isinstance(error, Refused) or isinstance(error, Unavailable) or waits_on:
                then(error)
            else:
                _note_lost(self._name, message, error)
                then(None)

        self._tell_of([(targets, [message])], BROKER)
        push(targets, one(message), answered)

    def republish(self, message: Message, then: Then, wanted: Callable[[str], bool]) -> bool:
        """Publish for the broker itself: a dead letter. `wanted` says to which queues it may go.

        False: it went nowhere; `then` is called all the same.
        """
        try:
            targets, message = self._look_for_own(message)
        except Refused as error:  # its type is gone, perhaps for a while
            then(error)
            return False
        targets = tuple(target for target in targets if wanted(target.name))
        self._tell_of([(targets, [message])], BROKER)
        push(targets, one(message), then)
        return bool(targets)

    def _look_for_own(self, message: Message) -> tuple[Targets, Message]:
        """Return where it goes, and as what: from any exchange. Nowhere, if that is gone."""
        exchange = self._topology.exchanges.get(message.envelope.exchange)
        return ((), message) if exchange is None else self._look(exchange, message)

    def _exchange(self, envelope: Envelope) -> Exchange:
        exchange = self._topology.exchanges.get(envelope.exchange)
        if exchange is None:
            raise NotFound(f"no exchange '{envelope.exchange}' in vhost '{self._name}'")
        if exchange.declaration.internal:
            raise NotAllowed(f"cannot publish to internal {exchange}")
        return exchange

    def _wants_more(self, run: Run) -> bool:
        """Must any of these messages be looked at by itself?"""
        for traits in run.traits:
            if traits.delay_ms is not None or traits.deliver_at_ms is not None:
                return True
            if traits.has_headers and any(COPIED in one.properties for one in run.messages):
                return True
        return False

    def _one_by_one(
        self,
        exchange: Exchange,
        run: Run,
        then: Then | None,
        returned: Returned | None,
        who: Origin = BROKER,
    ) -> bool:
        parts: list[Part] = []
        for message in run.messages:
            try:
                targets, sent = self._look(exchange, message)
            except Refused:
                push_parts(parts, None)  # those before it were fine, and they are on their way
                raise
            if not targets:
                _tell((message,), returned)
            if not parts or parts[-1][0] != targets:
                parts.append((targets, []))
            parts[-1][1].append(sent)
        exchange.came += len(run.messages)
        exchange.went += sum(len(targets) * len(messages) for targets, messages in parts)
        self._tell_of(parts, who)
        push_parts(parts, then)
        return any(targets for targets, _ in parts)

    def _tell_of(self, parts: Sequence[Part], who: Origin) -> None:
        """Tell who listens what was published."""
        if (tap := self._taps.tap) is not None:
            for targets, messages in parts:
                tap.published(messages, [target.name for target in targets], who)

    def _look(self, exchange: Exchange, message: Message) -> tuple[Targets, Message]:
        delayed = self._delay(message)
        if delayed is not None:
            return delayed, message
        keys, message = addressed(message)
        return self.ways.find(exchange, keys, message)[0], message

    def _delay(self, message: Message) -> Targets | None:
        traits = message.traits
        if traits.delay_ms is not None and traits.delay_ms > 0:
            return (self._delayed,)
        if traits.deliver_at_ms is not None and traits.deliver_at_ms > self.now_ms():
            return (self._delayed,)
        return None


def _note_lost(vhost_name: str, message: Message, error: Exception | None) -> None:
    envelope = message.envelope
    news.warning(
        "a delayed message was refused when it was due, and is gone",
        vhost=vhost_name,
        exchange=envelope.exchange,
        routing_key=envelope.routing_key,
        reason=str(error),
    )


def due_ms(message: Message, now_ms: int) -> int:
    """Return when a delayed message is due."""
    traits = message.traits
    if traits.delay_ms is not None and traits.delay_ms > 0:
        due = now_ms + traits.delay_ms
    else:
        due = now_ms if traits.deliver_at_ms is None else traits.deliver_at_ms
    return min(due, DUE_MS_MAX)


def addressed(message: Message) -> tuple[Sequence[str], Message]:
    """Return a message's routing keys, and it without those that nobody must see."""
    key = message.envelope.routing_key
    if COPIED not in message.properties or not message.traits.has_headers:
        return (key,), message
    said = message.read()
    copies: list[str] = []
    if copies_count(message):
        copies = [key for name in COPIES for key in _copies(name, said.headers.get(name))]
    if "BCC" in said.headers:
        properties = message.envelope.form.write(said.with_headers(BCC=None))
        message = message._replace(properties=properties)
    return (key, *copies), message


def _copies(name: str, keys: Value) -> list[str]:
    if keys is None:
        return []
    if not isinstance(keys, list):
        raise PreconditionFailed(
            f'invalid message: {{unacceptable_type_in_header,"{name}",{type_name(keys)}}}'
        )
    return [key for key in keys if isinstance(key, str)]


def _undelayed(message: Message) -> Message:
    """Return a message whose delay is over: as the plugin does it, its header is negative then."""
    if (message.traits.delay_ms or 0) <= 0:
        return message
    said = message.read()
    delay = said.headers[DELAY]  # a number, or one written out: clients of STOMP have no others
    negative = f"-{delay}" if isinstance(delay, str) else type(delay)(-delay)
    after = said.with_headers(**{DELAY: negative})
    return message._replace(properties=message.envelope.form.write(after))


def _pass_on(
    known: tuple[Exchange, Targets], run: Run, then: Then | None, returned: Returned | None
) -> bool:
    """Bring a run the way that is known."""
    exchange, targets = known
    count = len(run.messages)
    exchange.came += count
    exchange.went += count * len(targets)
    if not targets:
        _tell(run.messages, returned)
    push(targets, run, then)
    return bool(targets)


def _tell(messages: Iterable[Message], returned: Returned | None) -> None:
    if returned is not None:
        for message in messages:
            returned(message)
