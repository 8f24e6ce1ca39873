"""What both ends at a broker of MQTT have: its URIs, one after another, and a connection."""

from collections.abc import Callable
from dataclasses import dataclass

from anymq.protocols.mqtt.codec import V5, Connect, Packet
from anymq.protocols.mqtt.properties import P
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.definition import End
from anymq.shovels.ends import Connect as MakeConnection
from anymq.shovels.ends import Link, Soon, Worker
from anymq.shovels.mqtt.client import MqttClient
from anymq.shovels.uris import MqttUri

SESSION_SECONDS = 7 * 24 * 3600  # how long what we subscribed to waits for us there


@dataclass(frozen=True, slots=True)
class Means:
    """What connections need."""

    connect: MakeConnection
    soon: Soon
    now_ms: Callable[[], int]
    client_id: str  # of who says none
    ours: str  # what we are called in the way of a message
    message_bytes_max: int


class MqttEnd:
    """One end. When a URI does not work, the next one is tried."""

    side = ""  # for the client's name: two of the same name end each other
    lasts = False  # does the session outlive the connection?

    def __init__(self, means: Means, said: End, worker: Worker) -> None:
        self.client: MqttClient | None = None  # once there is a connection
        self._means = means
        self._end = said
        self._worker = worker
        self._at = 0
        self._link: Link | None = None
        self._closed = False

    @property
    def uri(self) -> str:
        """Which URI it works with."""
        return self._uri.shown

    @property
    def place(self) -> str:
        """What the other broker is called in the way of a message."""
        address = self._uri.address
        return f"{address.host}:{address.port}"

    @property
    def _uri(self) -> MqttUri:
        return self._end.mqtt[self._at]

    @property
    def _client(self) -> MqttClient:
        assert self.client is not None
        return self.client

    def open(self) -> None:
        """Connect."""
        self._link = self._means.connect(self._uri.address, self._make, self._not_connected)

    def _make(self, outbox: Outbox, peer: Peer) -> MqttClient:
        uri = self._uri
        self.client = MqttClient(
            outbox,
            peer,
            uri=uri,
            hello=self._hello(uri),
            user=self,
            packet_bytes_max=self._means.message_bytes_max,
        )
        return self.client

    def _hello(self, uri: MqttUri) -> Connect:
        properties: dict[int, int] = {}
        if uri.version == V5:
            properties = {
                P.SESSION_EXPIRY: SESSION_SECONDS if self.lasts else 0,
                P.RECEIVE_MAXIMUM: self.receive_maximum,
                P.MAXIMUM_PACKET: self._means.message_bytes_max,
            }
        return Connect(
            uri.version,
            self._end.client_id or f"{self._means.client_id}-{self.side}",
            clean=not self.lasts,
            keep_alive=uri.keep_alive,
            user=uri.user or None,
            password=uri.password.encode() if uri.password else None,
            properties=properties,
        )

    @property
    def receive_maximum(self) -> int:
        """How many messages may be on their way to us."""
        return 1

    def _not_connected(self, why: str) -> None:
        self._link = None
        if self._closed:
            return
        if self._at + 1 < len(self._end.mqtt):
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
        """It is let in."""

    def on_packet(self, packet: Packet) -> None:
        """A message came, or an answer."""

    def on_room(self) -> None:
        """There is room again."""

    def lost(self, why: str) -> None:
        """The connection is gone. Where it was never let in, try the next URI."""
        never_open = self.client is not None and not self.client.is_open
        self.client = None
        if self._closed:
            return
        if never_open:
            self._not_connected(why)
        else:
            self._worker.failed(f"{self.uri}: {why}")
