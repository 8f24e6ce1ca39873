"""Which broker the tests run against: ours, unless ANYMQ_PEER names another."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.peers.anymq import AnymqServer, Value
from tests.peers.kafka import KafkaServer
from tests.peers.rabbitmq import RabbitmqServer
from tests.peers.security import Security

PEER = os.environ.get("ANYMQ_PEER", "anymq")
Server = AnymqServer | KafkaServer
AmqpServer = AnymqServer | RabbitmqServer

# The same wish in both languages: groups that notice a dead member within a second.
QUICK_GROUPS: Mapping[str, Value] = {"groups.session_ms_min": 500}
QUICK_GROUPS_KAFKA = {"group.min.session.timeout.ms": "500"}


@contextmanager
def chosen_server(
    settings: Mapping[str, Value],
    kafka_settings: Mapping[str, str],
    security: Security | None = None,
) -> Iterator[Server]:
    """A running broker with a folder of its own, gone with it at the end."""
    with tempfile.TemporaryDirectory(prefix="anymq-", ignore_cleanup_errors=True) as folder:
        server = make_server(Path(folder), settings, kafka_settings, security)
        try:
            yield server.start()
        finally:
            server.stop()


def make_server(
    folder: Path,
    settings: Mapping[str, Value],
    kafka_settings: Mapping[str, str],
    security: Security | None = None,
) -> Server:
    """The chosen broker, not started."""
    if PEER == "anymq":
        return AnymqServer(folder, settings, security)
    if PEER == "kafka":
        return KafkaServer(folder, kafka_settings, security, heap="512m")
    raise ValueError(f"ANYMQ_PEER={PEER!r}: known for Kafka are 'anymq' and 'kafka'")


@contextmanager
def chosen_amqp_server(
    peer: str = PEER, settings: Mapping[str, Value] | None = None
) -> Iterator[AmqpServer]:
    """A running broker that speaks AMQP: `amqp_port` is where."""
    if peer not in ("anymq", "rabbitmq"):
        raise ValueError(f"ANYMQ_PEER={peer!r}: known for AMQP are 'anymq' and 'rabbitmq'")
    with tempfile.TemporaryDirectory(prefix="anymq-", ignore_cleanup_errors=True) as folder:
        server: AmqpServer = (
            AnymqServer(Path(folder), settings or {})
            if peer == "anymq"
            else RabbitmqServer(Path(folder))
        )
        try:
            yield server.start()
        finally:
            server.stop()
