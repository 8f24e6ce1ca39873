"""The two brokers of the comparison, each told to keep the same promise, on the same processor."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import OURS, Processors, Promise
from tests.peers.anymq import AnymqServer, Value
from tests.peers.rabbitmq import RabbitmqServer

PEER = "RabbitMQ"
Server = AnymqServer | RabbitmqServer

# What a confirm means. RabbitMQ knows one promise only, by the type of the queue: a classic queue
# of 4.x does not sync, a quorum queue does.
OUR_PROMISES: Mapping[Promise, Mapping[str, Value]] = {
    "page cache": {"storage.durability": "os"},
    "disk": {"storage.durability": "commit"},
}


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


@contextmanager
def running(names: Sequence[str], promise: Promise, processors: Processors) -> Iterator[list[Side]]:
    """All of them at once: they are measured in turn, and who idles costs next to nothing."""
    with ExitStack() as stack:
        sides = []
        for name in names:
            temporary = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
            server = make_server(name, folder, promise, processors)
            stack.callback(server.stop)
            server.start()
            sides.append(Side(name, server))
        yield sides
