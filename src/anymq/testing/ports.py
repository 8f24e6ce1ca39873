"""Ports for brokers that stop, and start again on the same one while their clients connect."""

import random
import socket
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

# Below those that systems give to clients: one of these at the port of a server that is down for
# a moment would keep it from starting again, and a client that connects could meet itself.
PORTS = range(10_000, 32_768)


class Claim(NamedTuple):
    """A port that nobody else claims while `holder` is open. Nobody listened there just now."""

    port: int
    holder: socket.socket


def claim_ports(count: int) -> list[Claim]:
    """Claim so many."""
    return list(islice(_claims(), count))


def _claims() -> Iterator[Claim]:
    for port in random.sample(PORTS, len(PORTS)):
        holder = socket.socket(type=socket.SOCK_DGRAM)  # who holds UDP's port has TCP's, too
        try:
            holder.bind(("127.0.0.1", port))
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            holder.close()
        else:
            yield Claim(port, holder)
