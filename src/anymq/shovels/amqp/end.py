"""What both ends at a broker of AMQP have: its URIs, one after another, and a connection."""

from collections.abc import Callable
from dataclasses import dataclass

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.method import Method
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.amqp.client import AmqpClient
from anymq.shovels.definition import End
from anymq.shovels.ends import Connect, Link, Worker
from anymq.shovels.uris import AmqpUri

Declared = Callable[[methods.QueueDeclareOk], None]


@dataclass(frozen=True, slots=True)
class Means:
    """What connections need."""

    connect: Connect
    now_ms: Callable[[], int]
    name: str  # of the shovel, as the other broker shows it
    message_bytes_max: int


class AmqpEnd:
    """One end. When a URI does not work, the next one is tried."""

    def __init__(self, means: Means, said: End, worker: Worker) -> None:
        self.client: AmqpClient | None = None  # once there is a connection
        self._means = means
        self._worker = worker
        self._uris = [one for one in said.amqp if one.address is not None]
        self._at = 0
        self._link: Link | None = None
        self._closed = False

    @property
    def uri(self) -> str:
        """Which URI it works with."""
        return self._uris[self._at].shown

    @property
    def _client(self) -> AmqpClient:
        assert self.client is not None
        return self.client

    def open(self) -> None:
        """Connect."""
        uri = self._uris[self._at]
        assert uri.address is not None
        self._link = self._means.connect(
            uri.address, lambda outbox, peer: self._make(uri, outbox, peer), self._not_connected
        )

    def _make(self, uri: AmqpUri, outbox: Outbox, peer: Peer) -> AmqpClient:
        self.client = AmqpClient(
            outbox,
            peer,
            uri=uri,
            name=self._means.name,
            user=self,
            message_bytes_max=self._means.message_bytes_max,
        )
        return self.client

    def _not_connected(self, why: str) -> None:
        self._link = None
        if self._closed:
            return
        if self._at + 1 < len(self._uris):
            self._at += 1
            self.open()
        else:
            self._worker.failed(f"{self.uri}: {why}")

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        if self.client is not None:
            self.client.close()
            self.client = None
        elif self._link is not None:
            self._link.close()

    # What the client says

    def opened(self) -> None:
        """The channel is open."""

    def on_content(self, method: Method, properties: bytes, body: bytes) -> None:
        """A message came."""

    def on_method(self, method: Method) -> None:
        """Something came that nobody asked for."""

    def on_blocked(self, blocked: bool) -> None:
        """The broker wants nothing published, or does again."""

    def on_room(self) -> None:
        """There is room again."""

    def lost(self, why: str) -> None:
        """The connection is gone. Where there never was a channel, try the next URI."""
        never_open = self.client is not None and not self.client.is_open
        self.client = None
        if self._closed:
            return
        if never_open:
            self._not_connected(why)
        else:
            self._worker.failed(f"{self.uri}: {why}")


def declare_queue(client: AmqpClient, said: End, then: Declared) -> None:
    """See that the queue is there: as it is, or made now, unless it must be there already."""

    def make() -> None:
        arguments = dict(said.queue_args)
        declare = methods.QueueDeclare(said.queue, False, True, False, False, False, arguments)
        client.ask(declare, methods.QueueDeclareOk, then)

    if said.predeclared:
        look = methods.QueueDeclare(said.queue, True, False, False, False, False, {})
        client.ask(look, methods.QueueDeclareOk, then)
    else:
        client.look_for(said.queue, then, make)
