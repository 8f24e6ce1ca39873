"""What a connection and its channels know of each other.

The session cuts frames and keeps the connection's part of the conversation; a channel is told what
is for it, and answers by its `Wire`.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from anymq.core.broker import Broker
from anymq.core.rights.permit import Permit
from anymq.core.vhosts.vhost import VirtualHost
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.errors import AmqpError
from anymq.protocols.amqp.fields import Value
from anymq.protocols.amqp.methods import Method
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.session import Outbox
from anymq.storage.files import Buffer

Done = Callable[[], None]


class Wire(Protocol):
    """What a channel sees of its connection."""

    broker: Broker
    vhost: VirtualHost
    name: str  # of the connection, as tools show it
    user: str
    permit: Permit  # asked before whatever this user does
    frame_max: int  # a body frame holds this less 8 bytes
    client_capabilities: Mapping[str, Value]  # {"consumer_cancel_notify": True, ...}
    outbox: Outbox
    counters: Counters  # of all connections
    settings: AmqpSettings  # as of when the connection was opened
    owner: object  # who its exclusive queues belong to

    @property
    def has_room(self) -> bool:
        """May more be delivered now? If not: `wait_for_room`."""

    def send(self, channel: int, method: Method) -> None:
        """Send a method that has no content."""

    def write(self, data: Buffer) -> None:
        """Send whole frames, which the channel has encoded."""

    def close_channel(self, channel: int, error: AmqpError, method: int = 0) -> None:
        """Close it from outside of a handler; or the whole connection, if the error asks for that.

        `method` is the key of the one at fault (`Method.KEY`), 0 if there is none.
        """

    def hold(self) -> Done:
        """Act on nothing that this client sent after this, on any channel, until `Done` is called.

        For what is answered later (a declaration goes to the disk) and what follows relies on.
        """

    def wait_for_room(self, channel: "Channel") -> None:
        """Call its `on_room` once, when the client has taken most of what it is owed."""

    def touch(self, channel: "Channel") -> None:
        """Call its `end_of_read` at the end of this read, or of this turn outside of one."""


class Channel(Protocol):
    """What a connection sees of a channel. `make_channel(wire, number)` makes one.

    What handlers raise of `errors.REFUSALS` closes the channel, or the connection: properties whose
    traits cannot be told, too. channel.open, .close and .close_ok are the session's.
    """

    def on_publish(self, method: bytes, properties: bytes, body: bytes) -> None:
        """basic.publish: the payload of its method frame, the property flags and list, the body.

        One after another with equal methods get the same bytes object: compare by `is` first.
        """

    def on_ack(self, tag: int, multiple: bool) -> None:
        """basic.ack."""

    def on_method(self, method: Method) -> None:
        """Any other method, also one that a client must not send."""

    def on_content(self, method: Method) -> None:
        """A method with content that is not basic.publish: no client may send one."""

    def end_of_read(self) -> None:
        """All that one read brought is here: publish what was gathered, settle, confirm."""

    def on_room(self) -> None:
        """The client took most of what it was owed: consumers have credit again."""

    def on_rights(self) -> None:
        """What its user may do has changed: end what it may not go on with."""

    def close(self, then: Done) -> None:
        """Give back what is unacknowledged, forget everything; call `then` once, when what was
        acknowledged survives a kill. Nothing is sent any more. Also when the peer is gone.
        """


MakeChannel = Callable[[Wire, int], Channel]
