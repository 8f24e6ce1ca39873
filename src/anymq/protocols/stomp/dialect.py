"""Dialect: what clients made for one broker mean by what they say, and expect to hear.

All that is said is turned into RabbitMQ's words, which the rest of this package understands; so the
dialect of RabbitMQ itself changes nothing.
"""

from collections.abc import Mapping, Sequence

from anymq.core.message import Message
from anymq.protocols.stomp import destinations
from anymq.protocols.stomp.codec import Frame
from anymq.protocols.stomp.ground import Ground

Headers = Mapping[str, str]


class Dialect:
    """That of RabbitMQ. Others say only what is different."""

    name = "rabbitmq"

    def sends(self, ground: Ground, frame: Frame) -> Sequence[Frame]:
        """Return what a SEND means: one frame for each place."""
        return (frame,)

    def subscribes(self, ground: Ground, headers: Headers) -> Sequence[Headers]:
        """Return what a SUBSCRIBE means: the headers of one for each place."""
        return (headers,)

    def unsubscribes(self, ground: Ground, headers: Headers) -> Headers:
        """Return what an UNSUBSCRIBE means."""
        return headers

    def sleeping(self, ground: Ground, headers: Headers) -> str | None:
        """Return the queue of a subscription that an UNSUBSCRIBE ends without its being there."""
        return None

    def pattern(self, headers: Headers) -> str | None:
        """Return which queues a SUBSCRIBE is about that are yet to come; None: no others."""
        return None

    def address(self, exchange: str, routing_key: str) -> str:
        """Return the destination that a MESSAGE names."""
        return destinations.text_of(exchange, routing_key)

    def lines(self, message: Message, said: bytes) -> bytes:
        """Return headers that a MESSAGE has besides those that were `said`."""
        return b""


RABBITMQ = Dialect()
