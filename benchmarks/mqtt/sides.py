"""The two brokers of the comparison, on the same processor."""

import resource
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import OURS, Processors, Promise
from tests.peers.anymq import AnymqServer, Value
from tests.peers.mosquitto import MosquittoServer
from tests.peers.process import free_ports

PEER = "mosquitto"
CLIENTS_MAX = 12_000
Server = AnymqServer | MosquittoServer

# What PUBACK means for a message that is to be kept. Mosquitto knows one promise, which is less
# than both of ours: with persistence it writes what it has in memory every half an hour.
OUR_PROMISES: Mapping[Promise, Mapping[str, Value]] = {
    "page cache": {"storage.durability": "os"},
    "disk": {"storage.durability": "commit"},
}
# As many messages under way as with us, none dropped, none held back by Nagle.
THEIRS = {
    "persistence": "true",
    "max_inflight_messages": "1000",
    "max_queued_messages": "0",
    "set_tcp_nodelay": "true",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One running broker."""

    name: str
    server: Server

    @property
    def port(self) -> int:
        """Where it speaks MQTT."""
        return port_of(self.server)


def port_of(server: Server) -> int:
    """Where it speaks MQTT."""
    if isinstance(server, AnymqServer):
        return int(server.settings["mqtt.port"])
    return server.port


def make_server(name: str, folder: Path, promise: Promise, processors: Processors) -> Server:
    """Not started."""
    allow_many_files()
    if name != OURS:
        return MosquittoServer(folder, THEIRS, cpus=processors.broker)
    settings: dict[str, Value] = {
        **OUR_PROMISES[promise],
        "mqtt.port": free_ports(1)[0],
        "limits.connections_max": CLIENTS_MAX,
    }
    return AnymqServer(folder, settings, cpus=processors.broker)


def allow_many_files() -> None:
    """Let children have as many connections as the system gives anybody."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def running(names: Sequence[str], promise: Promise, processors: Processors) -> Iterator[list[Side]]:
    """All of them at once: they are measured in turn, and who idles costs next to nothing."""
    with ExitStack() as stack:
        sides = []
        for name in names:
            temporary = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
            server = make_server(name, Path(stack.enter_context(temporary)), promise, processors)
            stack.callback(server.stop)
            server.start()
            sides.append(Side(name, server))
        yield sides
