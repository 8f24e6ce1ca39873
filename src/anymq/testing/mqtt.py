"""Scripted conversations with MQTT sessions: no socket, a clock and a disk that move when told.

room = MqttRoom()
client = room.dialog().connect("sensor")
client >> Subscribe(1, [Wish("a/+", 1)])
assert client.only() == Suback(1, [1])
"""

from typing import Any, Self

from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.protocols.mqtt import kept
from anymq.protocols.mqtt.codec import (
    V5,
    Connack,
    Connect,
    Packet,
    Will,
    decode,
    encode,
    frame_at,
)
from anymq.protocols.mqtt.counters import Counters
from anymq.protocols.mqtt.kept import Kept
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.properties import NOTHING, P, Props
from anymq.protocols.mqtt.session import MqttSession
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.session import Peer
from anymq.security.users import Users
from anymq.storage.files import Files
from anymq.testing.clients import Client, ClientsRoom

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 1883)
BYTES_MAX = 1 << 28


class MqttRoom(ClientsRoom):
    """A broker over a simulated disk; AMQP clients may come, too."""

    def __init__(
        self,
        settings: MqttSettings | None = None,
        *,
        files: Files | None = None,
        users: Users | None = None,
    ) -> None:
        super().__init__(files=files, users=users)
        journal = self.store.open_log(kept.LOG_ID, kept.LOG_CONFIG)
        state = self.store.read_whole(journal, lambda: EmbeddedStore(journal, self.clock))
        self.mqtt = Mqtt(
            broker=self.broker,
            settings=settings or MqttSettings(),
            users=self.amqp.users,
            gate=self.amqp.gate,
            counters=Counters(),
            memory=self.amqp.memory,
            kept=Kept(state),
        )
        self.mqtt.begin()
        self.write_to_disk()

    def mqtt_dialog(self, version: int = V5, peer: Peer = PEER) -> "MqttDialog":
        """Return a new connection."""
        return MqttDialog(self, version, peer)

    def connect(self, client_id: str, version: int = V5, **wishes: Any) -> "MqttDialog":
        """Return a new connection of a client that is let in."""
        dialog = self.mqtt_dialog(version)
        dialog.connect(client_id, **wishes)
        return dialog


class MqttDialog(Client):
    """One client, packet by packet."""

    session: MqttSession

    def __init__(self, room: MqttRoom, version: int, peer: Peer) -> None:
        super().__init__(room)
        self.room = room
        self.version = version
        self.session = MqttSession(room.mqtt, self.outbox, peer)
        self.connack: Connack | None = None
        self.early: list[Packet] = []  # what came right behind it

    def __rshift__(self, said: "bytes | Packet") -> Self:
        """Say bytes, or a packet; then everything happens that can."""
        self.feed(said if isinstance(said, bytes) else encode(said, self.version))
        self.room.settle(self)
        return self

    def packets(self) -> list[Packet]:
        """Return what came."""
        data = self.raw()
        found, at = [], 0
        while at < len(data):
            frame = frame_at(data, at, BYTES_MAX)
            assert frame is not None
            found.append(decode(data, frame, self.version))
            at = frame.end
        return found

    def only(self) -> Packet:
        """Return the one packet that came."""
        [packet] = self.packets()
        return packet

    def connect(
        self,
        client_id: str,
        *,
        clean: bool = True,
        expiry_s: int = 0,
        keep_alive: int = 0,
        user: str | None = None,
        password: bytes | None = None,
        will: Will | None = None,
        properties: Props = NOTHING,
    ) -> Connack:
        """Come in, or be refused."""
        said = dict(properties)
        if expiry_s:
            said[P.SESSION_EXPIRY] = expiry_s
        self >> Connect(self.version, client_id, clean, keep_alive, user, password, will, said)
        first, *self.early = self.packets()
        assert isinstance(first, Connack)
        self.connack = first
        return first
