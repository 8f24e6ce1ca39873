"""The two brokers of the comparison, each told to keep the same promise, on the same processor.

What a confirm means: RabbitMQ knows one promise only, by the type of the queue. A classic queue of
4.x does not sync, a quorum queue does.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measuring import OURS, Processors, Promise
from benchmarks.sides import OUR_PROMISES, all_running
from tests.peers.anymq import AnymqServer
from tests.peers.rabbitmq import RabbitmqServer

PEER = "RabbitMQ"
Server = AnymqServer | RabbitmqServer


@dataclass(frozen=True, slots=True)
class Side:
    """One running broker."""

    name: str
    server: Server

    @property
    def port(self) -> int:
        """Where it speaks AMQP."""
        return port_of(self.server)


def port_of(server: Server) -> int:
    """Where it speaks AMQP."""
    return server.amqp_port if isinstance(server, AnymqServer) else server.port


def make_server(name: str, folder: Path, promise: Promise, processors: Processors) -> Server:
    """Not started."""
    if name == OURS:
        return AnymqServer(folder, OUR_PROMISES[promise], cpus=processors.broker)
    return RabbitmqServer(folder, cpus=processors.broker)


running = partial(all_running, make_server, Side)
