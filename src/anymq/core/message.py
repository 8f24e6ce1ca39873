"""Message: what queues and exchanges carry, in the wire form of the protocol that wrote it.

Most of the time the protocol that wrote a message also reads it: its properties stay bytes, and the
core asks their form only for what it must know (traits), seldom for everything (properties).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple, Protocol

# What a header may be: text, bytes, numbers, booleans, times, nothing, lists and tables of these.
# A form keeps the exact type of a number by a subclass of its own (`class Short(int)`).
Value = Any
Headers = Mapping[str, Value]

_body_of = itemgetter(2)


class Long(int):
    """64 bits, in forms that tell widths apart."""

    type_name: ClassVar[str] = "long"


class Time(int):
    """Seconds since 1970, in forms that tell times from numbers."""

    type_name: ClassVar[str] = "timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """Everything that a message says beside its key and body: the neutral envelope."""

    headers: Headers = field(default_factory=dict)
    content_type: str | None = None
    content_encoding: str | None = None
    delivery_mode: int | None = None  # 2: persistent
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    expiration: str | None = None  # milliseconds, as text
    message_id: str | None = None
    timestamp: int | None = None  # seconds since 1970
    type: str | None = None
    user_id: str | None = None
    app_id: str | None = None
    cluster_id: str | None = None

    def with_headers(self, **headers: Value) -> "Properties":
        """Return the same with these headers changed; those that are None go."""
        merged = {**self.headers, **headers}
        kept = {k: v for k, v in merged.items() if v is not None or k not in headers}
        return replace(self, headers=kept)


class Traits(NamedTuple):
    """What the core must know of every message. Cheap to ask: forms remember it."""

    persistent: bool = False
    priority: int | None = None
    expiration_ms: int | None = None
    has_headers: bool = False  # nothing in the headers matters to anybody when this is False
    delay_ms: int | None = None  # from now (x-delay)
    deliver_at_ms: int | None = None  # since 1970 (x-deliver-at)


class Form(Protocol):
    """How one protocol writes down what a message says. `number` is on disk: never change it."""

    number: int

    def traits(self, properties: bytes) -> Traits:
        """Return what the core must know; ValueError when these bytes are not of this form."""

    def read(self, properties: bytes) -> Properties:
        """Decode everything."""

    def write(self, properties: Properties) -> bytes:
        """Encode; `write(read(p))` says the same as `p`, with the same types."""


class Envelope:
    """Where messages were published to, and in what form: one object for a whole run of them.

    `exchange` "" is the default exchange. `wire` is for protocols: what they have encoded of it
    once (by protocol, a small cache that lives as long as the envelope).
    """

    __slots__ = ("exchange", "form", "routing_key", "wire")

    def __init__(self, exchange: str, routing_key: str, form: Form) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.form = form
        self.wire: dict[str, Any] = {}


class Message(NamedTuple):
    """One message. A plain tuple, because there are a million of them a second."""

    envelope: Envelope
    properties: bytes
    body: bytes
    timestamp_ms: int  # when it came to us

    @property
    def traits(self) -> Traits:
        """What the core must know of it."""
        return self.envelope.form.traits(self.properties)

    def read(self) -> Properties:
        """Decode its properties."""
        return self.envelope.form.read(self.properties)


class Run:
    """Messages published one after another under one envelope, handled as one.

    `batch` is for storage: the run as a record batch, encoded once for all the queues it goes to.
    `wire` is for protocols: the run as they have encoded it, once for all who get the same.
    `elsewhere` is for addresses: the same as it is at others.
    """

    __slots__ = (
        "_traits",
        "batch",
        "elsewhere",
        "envelope",
        "messages",
        "persistent",
        "size",
        "wire",
    )

    def __init__(self, messages: Sequence[Message], *, persistent: bool) -> None:
        assert messages
        self.envelope = messages[0].envelope
        self.messages = messages
        self.persistent = persistent  # is any of them?
        self.size = sum(map(len, map(_body_of, messages)))
        self.batch: Any = None
        self.wire: Any = None
        self.elsewhere: dict[str, Run] | None = None
        self._traits: Collection[Traits] | None = None

    @property
    def traits(self) -> Collection[Traits]:
        """The different traits of its messages, found once for all the queues it goes to."""
        if self._traits is None:
            of = self.envelope.form.traits
            if len(self.messages) == 1:
                self._traits = (of(self.messages[0].properties),)
            else:
                different = {message.properties for message in self.messages}
                self._traits = {of(properties) for properties in different}
        return self._traits
