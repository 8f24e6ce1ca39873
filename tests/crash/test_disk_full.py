"""A full disk: producers are told, consumers go on, and when there is space again so do all."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Producer

from tests.crash.check_log import Final
from tests.crash.kill_load import RECONNECT, read_all
from tests.crash.small_disk import DISK_BYTES, MIB, small_disk
from tests.peers.anymq import AnymqServer, Value
from tests.peers.choose import PEER

ANSWER_SECONDS = 30
RESUME_SECONDS = 30.0  # who refuses for longer will for ever
TOPIC = "filling"
VALUE = b"x" * 10_000

pytestmark = [
    pytest.mark.skipif(PEER != "anymq", reason="the peer stops for good when its disk is full"),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small tmpfs"
    ),
]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path) as disk:
        yield disk


@pytest.fixture
def server(disk: Path, tmp_path: Path) -> Iterator[AnymqServer]:
    settings: dict[str, Value] = {
        "server.data_dir": str(disk / "data"),
        "storage.segment_bytes": MIB,
        "storage.disk_free_bytes_min": MIB,
    }
    server = AnymqServer(tmp_path, settings)
    yield server.start()
    server.stop()


class Filler:
    """Sends one message at a time and knows which were acknowledged."""

    def __init__(self, kafka: str) -> None:
        self._client = Producer(
            {
                "bootstrap.servers": kafka,
                "acks": "all",
                "linger.ms": 0,
                "delivery.timeout.ms": 2000,
                "retry.backoff.ms": 50,
                **RECONNECT,
            }
        )
        self.acknowledged: list[str] = []
        self.unknown = 0

    def send(self) -> KafkaError | None:
        """The broker's answer to one more message."""
        heard: list[KafkaError | None] = []
        value = f"{len(self.acknowledged)}:{self.unknown}:".encode() + VALUE
        self._client.produce(
            TOPIC, value, partition=0, on_delivery=lambda error, _: heard.append(error)
        )
        assert self._client.flush(ANSWER_SECONDS) == 0
        if heard[0] is None:
            self.acknowledged.append(value.decode())
        else:
            self.unknown += 1
        return heard[0]

    def fill(self) -> KafkaError:
        """Until it is refused."""
        for _ in range(2 * DISK_BYTES // len(VALUE)):
            if (error := self.send()) is not None:
                return error
        raise AssertionError("more was taken than there is space")


def stored(server: AnymqServer) -> list[str]:
    final: list[Final] = read_all(server.bootstrap, TOPIC, 1)
    return [value for _, value in final[0].messages]


@pytest.mark.timeout(120)
def test_a_full_disk_refuses_and_recovers(server: AnymqServer, disk: Path) -> None:
    filler = Filler(server.bootstrap)
    refusal = filler.fill()
    assert refusal.code() in (KafkaError._MSG_TIMED_OUT, KafkaError.KAFKA_STORAGE_ERROR)
    assert set(filler.acknowledged) <= set(stored(server)), "consumers go on"

    (disk / "ballast").unlink()
    begun = time.monotonic()
    while filler.send() is not None:
        assert time.monotonic() - begun < RESUME_SECONDS, "still refused with space to spare"
    for _ in range(20):
        assert filler.send() is None

    server.kill()
    server.start()
    assert set(filler.acknowledged) <= set(stored(server)), "lost by the crash after"


@pytest.mark.timeout(120)
def test_a_broker_starts_on_a_full_disk_and_serves_what_it_has(
    server: AnymqServer, disk: Path
) -> None:
    filler = Filler(server.bootstrap)
    filler.fill()
    server.kill()
    with (disk / "last-bytes").open("wb") as rest:
        fill_up(rest.fileno())
    server.start()
    assert set(filler.acknowledged) <= set(stored(server))
    assert filler.send() is not None


def fill_up(descriptor: int) -> None:
    """Not one byte more."""
    for size in (MIB, 4096, 1):
        try:
            while os.write(descriptor, bytes(size)):
                pass
        except OSError:
            continue
