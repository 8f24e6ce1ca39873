"""paho-mqtt, with what it gets in a queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

SECONDS = 20.0
VERSIONS = (paho.MQTTv31, paho.MQTTv311, paho.MQTTv5)


class Client:
    """One connection; messages wait in `got`."""

    def __init__(self, name: str, version: int, **said: Any) -> None:
        self.got: Queue[paho.MQTTMessage] = Queue()
        self.granted: Queue[list[int]] = Queue()
        self.connected: Queue[bool] = Queue()
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=MQTTProtocolVersion(version),
            **said,
        )
        self.client.on_message = lambda _c, _u, message: self.got.put(message)
        self.client.on_subscribe = lambda _c, _u, _m, codes, _p: self.granted.put(
            [code.value for code in codes]
        )
        self.client.on_connect = lambda _c, _u, flags, _r, _p: self.connected.put(
            flags.session_present
        )

    def connect(self, port: int) -> bool:
        """Come in; was there a session?"""
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        return self.connected.get(timeout=SECONDS)

    def subscribe(self, topic: str, qos: int = 0) -> None:
        """Subscribe, and be let."""
        self.client.subscribe(topic, qos)
        assert self.granted.get(timeout=SECONDS) == [qos]

    def publish(self, topic: str, payload: bytes, qos: int = 0, **said: Any) -> None:
        """Publish, and wait until that is done."""
        published = self.client.publish(topic, payload, qos, **said)
        published.wait_for_publish(SECONDS)
        assert published.is_published()

    def next_with_properties(self) -> tuple[paho.MQTTMessage, Any]:
        """Return the next message, and what MQTT 5 says of it."""
        message = self.next()
        return message, message.properties

    def next(self) -> paho.MQTTMessage:
        """Return the next message."""
        return self.got.get(timeout=SECONDS)

    def close(self) -> None:
        """Say goodbye."""
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def client(name: str, port: int, version: int = paho.MQTTv5, **said: Any) -> Iterator[Client]:
    """A client until the block ends."""
    made = Client(name, version, **said)
    made.connect(port)
    try:
        yield made
    finally:
        made.close()
