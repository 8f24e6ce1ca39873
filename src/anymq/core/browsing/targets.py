"""Targets: where messages go that are moved, copied or replayed; and who may send them there."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol, cast

from typing_extensions import override

from anymq.core.browsing.given_up import given_up
from anymq.core.errors import NotFound, Refused
from anymq.core.message import Envelope, Form, Message
from anymq.core.queues.deadletters import Death, deaths_of
from anymq.core.queues.queue import Queue
from anymq.core.rights.permit import WRITE, Permit
from anymq.core.routing.target import Then
from anymq.core.routing.topic import TOPIC
from anymq.core.vhosts.publishing import addressed
from anymq.core.vhosts.pushing import one
from anymq.core.vhosts.vhost import VirtualHost

DEFAULT = ""  # the exchange without a name: who may write to it may write to queues


class Unroutable(Refused):
    """No queue wants it."""


class Target(Protocol):
    """Where messages go."""

    def send(self, message: Message, then: Then) -> None:
        """Bring it there; `then` is called when it is safe, or cannot be. Or Refused."""


class Places:
    """The virtual host of a target, and what its user may do there."""

    def __init__(
        self, vhosts: Mapping[str, VirtualHost], permit: Permit, now_ms: Callable[[], int]
    ) -> None:
        self._vhosts = vhosts
        self._permit = permit
        self._now_ms = now_ms

    @property
    def vhost(self) -> VirtualHost:
        """It, as long as it is there."""
        found = self._vhosts.get(self._permit.vhost)
        if found is None:
            raise NotFound(f"no vhost '{self._permit.vhost}'")
        return found

    def check(self, exchange: str) -> None:
        """Refuse who may not publish there."""
        self._permit.exchange(WRITE, exchange)

    def to_queue(self, name: str, message: Message, then: Then) -> None:
        """Put it into a queue, with the address that it had. For the queue it comes now."""
        self.check(DEFAULT)
        queue, run = self.vhost.queue(name), one(message._replace(timestamp_ms=self._now_ms()))
        push = queue.push_again if isinstance(queue, Queue) else queue.push
        push(run, then)

    def to_exchange(self, message: Message, then: Then) -> None:
        """Publish it where it is addressed to."""
        name, vhost = message.envelope.exchange, self.vhost
        self.check(name)
        exchange = vhost.exchanges.get(name)
        if exchange is not None and exchange.declaration.type == TOPIC and self._permit.has_topics:
            self._permit.topics(WRITE, name, addressed(message)[0])
        vhost.publish(
            one(message._replace(timestamp_ms=self._now_ms())),
            then=(answer := _Answer(then)),
            returned=answer.returned,
        )


class _Answer:
    """What went nowhere is no success."""

    def __init__(self, then: Then) -> None:
        self._then = then
        self._returned = False

    def returned(self, message: Message) -> None:
        """No queue wants it."""
        self._returned = True

    def __call__(self, error: Exception | None) -> None:
        if error is None and self._returned:
            error = Unroutable("no queue is bound where it should go")
        self._then(error)


class ToQueue(Target):
    """Into one queue or stream, directly."""

    def __init__(self, places: Places, name: str) -> None:
        """Refused, if that is not possible now."""
        places.check(DEFAULT)
        places.vhost.queue(name)
        self._places = places
        self._name = name

    @override
    def send(self, message: Message, then: Then) -> None:
        self._places.to_queue(self._name, message, then)


class ToExchange(Target):
    """By an exchange: the one that is said, or else that of the message. So with the key."""

    def __init__(self, places: Places, exchange: str | None, key: str | None) -> None:
        """Refused, if that is not possible now."""
        if exchange is not None:
            places.check(exchange)
            places.vhost.exchange(exchange)
        self._places = places
        self._exchange = exchange
        self._key = key

    @override
    def send(self, message: Message, then: Then) -> None:
        self._places.to_exchange(readdressed(message, self._exchange, self._key), then)


class ToOrigin(Target):
    """Back to where it came from: the queue in which it died, or where it was published."""

    def __init__(self, places: Places, *, to_exchange: bool) -> None:
        self._places = places
        self._to_exchange = to_exchange

    @override
    def send(self, message: Message, then: Then) -> None:
        deaths = deaths_of(message)
        if not deaths:
            self._undied(message, then)
        elif self._to_exchange:
            self._places.to_exchange(_as_before(message, _first_of(deaths, message)), then)
        else:
            self._places.to_queue(str(deaths[0].get("queue")), _as_before(message, deaths[0]), then)

    def _undied(self, message: Message, then: Then) -> None:
        """It died in no queue: a group gave it up, or it only lies where it does."""
        origin = given_up(message)
        if origin is None:
            self._places.to_exchange(message, then)
        else:
            topic = origin.topic if self._to_exchange else origin.retry_topic
            self._places.to_queue(topic, readdressed(message, DEFAULT, topic), then)


def _first_of(deaths: list[Death], message: Message) -> Death:
    """Return how it died first: what happened again comes first, so the last need not be it."""
    headers = message.read().headers
    wanted = headers.get("x-first-death-queue"), headers.get("x-first-death-reason")
    for death in deaths:
        if (death.get("queue"), death.get("reason")) == wanted:
            return death
    return deaths[-1]


def _as_before(message: Message, death: Death) -> Message:
    """Return a message under the address that it had when it died so."""
    keys = death.get("routing-keys")
    key = keys[0] if isinstance(keys, list) and keys else None
    return readdressed(message, death.get("exchange"), key)


def readdressed(message: Message, exchange: object, key: object) -> Message:
    """Return a message under another address; what is no text stays."""
    old = message.envelope
    new_exchange = exchange if isinstance(exchange, str) else old.exchange
    new_key = key if isinstance(key, str) else old.routing_key
    if (new_exchange, new_key) == (old.exchange, old.routing_key):
        return message
    return message._replace(envelope=_envelope(new_exchange, new_key, cast("Any", old.form)))


def in_form(message: Message, form: Form) -> Message:
    """Return a message whose envelope says that it is written so."""
    old = message.envelope
    return message._replace(envelope=_envelope(old.exchange, old.routing_key, cast("Any", form)))


@lru_cache(maxsize=1000)
def _envelope(exchange: str, routing_key: str, form: Any) -> Envelope:
    """One object for all with one address: routes are remembered by it."""
    return Envelope(exchange, routing_key, form)
