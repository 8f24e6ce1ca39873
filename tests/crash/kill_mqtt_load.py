"""MQTT clients that go on while the server dies and returns, and note everything they see."""

import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from typing_extensions import override

from anymq.protocols.mqtt.codec import (
    V311,
    Connack,
    Connect,
    Packet,
    Pubcomp,
    Subscribe,
    Will,
    Wish,
    decode,
    encode,
    frame_at,
)
from tests.crash import once_model
from tests.crash.worker import ANSWER_SECONDS, Load, Worker
from tests.differential.amqp.client import Closed

WAITING_MAX = 100
LOOK_SECONDS = 0.05
PACKET_BYTES_MAX = 1000


class Paho:
    """paho-mqtt, which remembers what is under way; all of it happens in one thread."""

    def __init__(self, name: str, port: int) -> None:
        version2 = CallbackAPIVersion.VERSION2
        self.client = paho.Client(version2, name, clean_session=False, protocol=paho.MQTTv311)
        self._port = port

    def connect(self) -> "Paho":
        """Come back, and go on where we were."""
        self.client.connect("127.0.0.1", self._port)
        while not self.client.is_connected():
            self.go_on()
        return self

    def go_on(self) -> None:
        """Hear and say what there is."""
        if self.client.loop(LOOK_SECONDS) is not paho.MQTT_ERR_SUCCESS:
            raise Closed

    def close(self) -> None:
        """Say goodbye, if somebody listens."""
        self.client.disconnect()


class Publisher(Worker[Paho]):
    """Publishes numbers with QoS 1, each until it is acknowledged."""

    def __init__(self, port: int, topic: str) -> None:
        session = Paho(f"publisher-{topic}", port)
        super().__init__(f"publisher-{topic}", session.connect)
        self._topic = topic
        session.client.on_publish = lambda *_: self.progressed(1)
        self.sent = 0

    @override
    def round(self, client: Paho) -> None:
        """At the end, every message has its answer."""
        while not self.stopping.is_set() or self.done < self.sent:
            while self.sent - self.done < WAITING_MAX and not self.stopping.is_set():
                client.client.publish(self._topic, b"%d" % self.sent, 1)
                self.sent += 1
            client.go_on()


class Subscriber(Worker[Paho]):
    """Notes all that comes."""

    def __init__(self, port: int, topic: str) -> None:
        session = Paho(f"subscriber-{topic}", port)
        super().__init__(f"subscriber-{topic}", session.connect)
        self._topic = topic
        session.client.on_message = lambda _client, _said, message: self._note(message)
        session.client.on_subscribe = lambda *_: self.progressed(1)
        self.got: list[int] = []
        self.owed = 0  # so many come in any case

    def _note(self, message: paho.MQTTMessage) -> None:
        self.got.append(int(message.payload))
        self.progressed(1)

    @override
    def for_what(self) -> str:
        missing = sorted({*range(self.owed)} - {*self.got})
        return f"for {len(missing)} of {self.owed}: {missing[:10]}, got last {self.got[-10:]}"

    @override
    def round(self, client: Paho) -> None:
        """At the end, it has all that it is owed."""
        if not self.done:
            client.client.subscribe(self._topic, 1)
        while not self.stopping.is_set() or len(set(self.got)) < self.owed:
            client.go_on()


class Link:
    """A session that outlives its connections, packet by packet."""

    def __init__(
        self, name: str, port: int, *, keep_alive: int = 0, will: Will | None = None
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._socket.settimeout(LOOK_SECONDS)
        self._rest = b""
        try:
            self.say([Connect(V311, name, False, keep_alive, will=will)])
            while not (packets := self.hear(1)):
                pass
            assert isinstance(packets[0], Connack), packets
        except BaseException:
            self.close()
            raise

    def say(self, packets: Iterable[Packet]) -> None:
        """Send these."""
        self._socket.sendall(b"".join(encode(packet, V311) for packet in packets))

    def hear(self, most: int | None = None) -> list[Packet]:
        """Return what is there, after a moment at the latest."""
        if not (packets := list(islice(self._whole(), most))):
            with suppress(TimeoutError):
                if not (data := self._socket.recv(65_536)):
                    raise Closed
                self._rest += data
        return packets

    def _whole(self) -> Iterator[Packet]:
        while (frame := frame_at(self._rest, 0, PACKET_BYTES_MAX)) is not None:
            packet = decode(self._rest, frame, V311)
            self._rest = self._rest[frame.end :]
            yield packet

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class OncePublisher(Worker[Link]):
    """Publishes numbers with QoS 2. (paho-mqtt says some again when it fails to connect twice.)"""

    def __init__(self, port: int, topic: str) -> None:
        super().__init__(f"publisher-{topic}", lambda: Link(self.name, port))
        self._topic = topic
        self._model = once_model.Publisher(numbers=WAITING_MAX)
        self.sent = 0

    @override
    def round(self, client: Link) -> None:
        """At the end, every message has its answer."""
        model = self._model
        client.say(model.resume())
        while not self.stopping.is_set() or model.under_way:
            while len(model.under_way) < WAITING_MAX and not self.stopping.is_set():
                model.waiting.append((self._topic, b"%d" % self.sent))
                self.sent += 1
                client.say(model.publish())
            packets = client.hear()
            client.say(model.hear(packets))
            self.progressed(sum(isinstance(each, Pubcomp) for each in packets))


class OnceSubscriber(Worker[Link]):
    """Takes each number once."""

    def __init__(self, port: int, topic: str) -> None:
        super().__init__(f"subscriber-{topic}", lambda: Link(self.name, port))
        self._topic = topic
        self._model = once_model.Subscriber()
        self.owed = 0  # so many come in any case

    @property
    def got(self) -> list[int]:
        """The numbers."""
        return [int(body) for body in self._model.got]

    @override
    def for_what(self) -> str:
        missing = sorted({*range(self.owed)} - {*self.got})
        return f"for {len(missing)} of {self.owed}: {missing[:10]}, got last {self.got[-10:]}"

    @override
    def round(self, client: Link) -> None:
        """At the end, it has all that it is owed."""
        if not self.done:
            client.say([Subscribe(1, [Wish(self._topic, 2)])])
        while not self.stopping.is_set() or len(self._model.got) < self.owed:
            packets = client.hear()
            client.say(self._model.hear(packets))
            self.progressed(len(packets))


class MqttLoad(Load):
    """A topic for QoS 1, and one for QoS 2; sessions outlive the server."""

    ration = 100

    def __init__(self, port: int) -> None:
        self.consumers: Sequence[Subscriber | OnceSubscriber] = [
            Subscriber(port, "q1"),
            OnceSubscriber(port, "q2"),
        ]
        self.publishers: Sequence[Publisher | OncePublisher] = [
            Publisher(port, "q1"),
            OncePublisher(port, "q2"),
        ]

    @override
    def start(self) -> None:
        for subscriber in self.consumers:
            subscriber.start()
            subscriber.wait_for(1)  # it is subscribed
        for publisher in self.publishers:
            publisher.start()

    @override
    def stop(self) -> None:
        for publisher, subscriber in zip(self.publishers, self.consumers, strict=True):
            publisher.stop()
            subscriber.owed = publisher.sent
            subscriber.stop()

    @override
    def judge(self, *, settled_stays: bool) -> str:
        for publisher, subscriber in zip(self.publishers, self.consumers, strict=True):
            came = list(dict.fromkeys(subscriber.got))
            assert came == list(range(publisher.sent)), f"{subscriber.name}: lost, or out of order"
        _, twice = self.consumers
        assert len(twice.got) == len(set(twice.got)), "of QoS 2, each comes once"
        return "; ".join(f"{each.name}: {len(each.got)} came" for each in self.consumers)
