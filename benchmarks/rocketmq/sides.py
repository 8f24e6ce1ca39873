"""The two brokers of the comparison, on the same processor."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measuring import OURS, Processors, Promise
from benchmarks.sides import OUR_PROMISES, all_running, allow_many_files
from tests.peers.anymq import AnymqServer, Value
from tests.peers.process import free_ports
from tests.peers.rocketmq import RocketmqServer

PEER = "Apache RocketMQ"
Server = AnymqServer | RocketmqServer

# What SEND_OK means: with the operating system, or on the disk.
THEIR_PROMISES: Mapping[Promise, Mapping[str, str]] = {
    "page cache": {"flushDiskType": "ASYNC_FLUSH"},
    "disk": {"flushDiskType": "SYNC_FLUSH"},
}


@dataclass(frozen=True, slots=True)
class Side:
    """One running broker."""

    name: str
    server: Server

    @property
    def port(self) -> int:
        """Where it takes messages."""
        return port_of(self.server)


def port_of(server: Server) -> int:
    """Where it takes messages."""
    if isinstance(server, AnymqServer):
        return int(server.settings["rocketmq.port"])
    return server.port


def rss_bytes(server: Server) -> int:
    """All that it needs to serve clients: with the real one, the name server too."""
    more = server.name_server_usage().rss_bytes if isinstance(server, RocketmqServer) else 0
    return server.usage().rss_bytes + more


def make_server(name: str, folder: Path, promise: Promise, processors: Processors) -> Server:
    """Not started."""
    allow_many_files()
    if name != OURS:
        return RocketmqServer(folder, THEIR_PROMISES[promise], cpus=processors.broker)
    settings: dict[str, Value] = {
        **OUR_PROMISES[promise],
        "rocketmq.port": free_ports(1)[0],
        "rocketmq.nameserver_port": -1,
    }
    return AnymqServer(folder, settings, cpus=processors.broker)


running = partial(all_running, make_server, Side)
