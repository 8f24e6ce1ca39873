"""A full disk, by MQTT, STOMP and RocketMQ: producers are told or wait, consumers go on, nothing
is lost, and all goes on when there is room.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from select import select
from typing import Protocol

import pytest

from anymq.protocols.mqtt.codec import V311, Puback, Publish
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.rocketmq.codec import encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import read_messages
from anymq.testing.rocketmq import send_fields
from tests.crash.small_disk import DISK_BYTES, settings_on, small_disk
from tests.hostile.amqp import drained
from tests.hostile.guests import Guest
from tests.hostile.mqtt import MqttClient
from tests.hostile.rocketmq import RocketMqClient
from tests.hostile.room import Broker, measured, running, wait_until
from tests.hostile.stomp import StompClient
from tests.peers.process import free_ports

NAME = "filling"
LOOK_SECONDS = 0.01

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small tmpfs"
)


class Side(Protocol):
    """One protocol: who writes there, one message after the other, and who reads."""

    refusals: tuple[str, ...]  # how it says that there is no room

    def begin(self) -> Guest:  # type: ignore[type-arg]
        """Come in, to write."""

    def send(self, body: bytes) -> None:
        """Begin to send a message."""

    def heard(self) -> str:
        """Return the broker's answer; "": it is safe."""

    def first(self, count: int) -> list[bytes]:
        """Read so many of the oldest."""

    def everything(self, broker: Broker) -> list[bytes]:
        """Read all there is."""


class Mqtt:
    """A session that is kept waits for the messages."""

    refusals: tuple[str, ...] = (
        Reason.QUOTA.name,
        Reason.UNSPECIFIED.name,
        Reason.IMPLEMENTATION.name,
    )

    def __init__(self, port: int) -> None:
        self._port = port
        reader = MqttClient(port, version=V311).log_in("reader", clean=False)
        reader.subscribe(NAME, 1)
        reader.abort()

    def begin(self) -> MqttClient:
        self._writer = MqttClient(self._port).log_in()
        return self._writer

    def send(self, body: bytes) -> None:
        self._writer.say(Publish(NAME, body, 1, 1))

    def heard(self) -> str:
        code = Reason(self._writer.await_one(Puback).code)
        return code.name if code >= Reason.UNSPECIFIED else ""

    def first(self, count: int) -> list[bytes]:
        reader = MqttClient(self._port, version=V311).log_in("reader", clean=False)
        bodies = [reader.await_one(Publish).payload for _ in range(count)]
        reader.abort()
        return bodies

    def everything(self, broker: Broker) -> list[bytes]:
        return drained(broker, "mqtt-subscription-reader")


class Stomp:
    """A durable queue. An error is the end of the connection, as in RabbitMQ."""

    refusals: tuple[str, ...] = ("precondition_failed", "internal_error")

    def __init__(self, port: int) -> None:
        self._port = port

    def begin(self) -> StompClient:
        self._writer = StompClient(self._port).log_in()
        return self._writer

    def send(self, body: bytes) -> None:
        there = f"/queue/{NAME}"
        self._writer.say("SEND", body, destination=there, persistent="true", receipt="r")

    def heard(self) -> str:
        frame = self._writer.hear()
        return "" if frame.command == "RECEIPT" else frame.headers["message"]

    def first(self, count: int) -> list[bytes]:
        reader = StompClient(self._port).log_in()
        reader.say("SUBSCRIBE", id="1", destination=f"/queue/{NAME}", ack="client")
        bodies = [reader.hear().body for _ in range(count)]
        reader.abort()
        return bodies

    def everything(self, broker: Broker) -> list[bytes]:
        return drained(broker, NAME)


class RocketMq:
    """A topic, of which one queue is written to."""

    refusals: tuple[str, ...] = (
        ResponseCode.SERVICE_NOT_AVAILABLE.name,
        ResponseCode.SYSTEM_BUSY.name,
    )

    def __init__(self, port: int) -> None:
        self._port = port

    def begin(self) -> RocketMqClient:
        self._writer = RocketMqClient(self._port)
        return self._writer

    def send(self, body: bytes) -> None:
        fields = send_fields(NAME, 0, {})
        self._writer.send(encode(RequestCode.SEND_MESSAGE_V2, 1, 0, fields, body))

    def heard(self) -> str:
        code = ResponseCode(self._writer.hear().code)
        return "" if code is ResponseCode.SUCCESS else code.name

    def first(self, count: int) -> list[bytes]:
        return self._read(count)[:count]

    def everything(self, broker: Broker) -> list[bytes]:
        return self._read(sys.maxsize)

    def _read(self, count: int) -> list[bytes]:
        reader, bodies = RocketMqClient(self._port), list[bytes]()
        while len(bodies) < count:
            answer = reader.pull(NAME, len(bodies))
            if answer.code != ResponseCode.SUCCESS:
                break
            bodies += [one.body for one in read_messages(answer.body)]
        reader.abort()
        return bodies


SIDES: dict[str, Callable[[int], Side]] = {"mqtt": Mqtt, "stomp": Stomp, "rocketmq": RocketMq}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path) as disk:
        yield disk


class Filler:
    """Sends message after message; knows which are safe, and which were refused."""

    def __init__(self, broker: Broker, side: Side) -> None:
        self.safe: list[bytes] = []
        self.refused: list[bytes] = []
        self.open: bytes | None = None  # that has no answer yet
        self._broker = broker
        self._side = side
        self._writer = side.begin()

    @property
    def _is_full(self) -> bool:
        return self._broker.metric("anymq_disk_full") > 0

    def fill(self) -> str:
        """Until one is refused, or must wait: return the error; "" when it waits."""
        while self.open is None:
            error = self.send()
            if error:
                return error
            taken = len(self.safe) * 10_000
            assert taken < DISK_BYTES, "more was taken than there is space"
        return ""

    def send(self) -> str:
        """One more; it may stay open while the disk is full."""
        number = len(self.safe) + len(self.refused)
        self.open = b"%d:" % number + bytes(10_000)
        self._side.send(self.open)
        return self.hear(or_full=True)

    def hear(self, *, or_full: bool = False) -> str:
        """Hear what became of the open one: "" when it is safe, or when nothing was said yet."""
        wait_until(lambda: self._answered() or (or_full and self._is_full))
        if self.open is None or not self._answered():
            return ""
        error, body, self.open = self._side.heard(), self.open, None
        (self.refused if error else self.safe).append(body)
        if error:
            self._writer.abort()  # where it was the end, and where it was not
            self._writer = self._side.begin()
        return error

    def close(self) -> None:
        """Go."""
        self._writer.abort()

    def _answered(self) -> bool:
        return bool(select([self._writer.sock], [], [], LOOK_SECONDS)[0])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SIDES)
def test_a_full_disk_refuses_or_holds_back_and_recovers(disk: Path, name: str) -> None:
    [port] = free_ports(1)
    with running({**settings_on(disk), f"{name}.port": port}) as broker:
        side = SIDES[name](port)
        with closing(Filler(broker, side)) as filler:
            error = filler.fill()
            assert error == "" or error in side.refusals
            assert len(filler.safe) > 100
            assert side.first(100) == filler.safe[:100], "consumers go on"

            (disk / "ballast").unlink()
            wait_until(lambda: not broker.metric("anymq_disk_full"))
            if filler.open is not None:
                filler.hear()
            wait_until(lambda: not filler.send())
            measured.info("%s: %d safe, refused as %r", name, len(filler.safe), error)

        broker.server.kill()
        broker.server.start()
        there = set(side.everything(broker))
        assert set(filler.safe) <= there, "lost by the crash after"
        assert not set(filler.refused) & there, "refused, and there all the same"
