"""The two brokers of the comparison, on the same processor.

What PUBACK means for a message that is to be kept: mosquitto knows one promise, which is less than
both of ours. With persistence it writes what it has in memory every half an hour.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measuring import OURS, Processors, Promise
from benchmarks.sides import OUR_PROMISES, all_running, allow_many_files
from tests.peers.anymq import AnymqServer, Value
from tests.peers.mosquitto import MosquittoServer
from tests.peers.process import free_ports

PEER = "mosquitto"
CLIENTS_MAX = 12_000
Server = AnymqServer | MosquittoServer

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


running = partial(all_running, make_server, Side)
