"""Against RabbitMQ."""

import shutil

from benchmarks.amqp.sides import PEER, running
from benchmarks.amqp.workloads import all_workloads
from benchmarks.measuring import Comparison
from tests.peers.maven import PeerUnavailable
from tests.peers.rabbitmq import find_edition


def unavailable() -> str:
    """Needs a RabbitMQ: the system's, or an unpacked one."""
    try:
        find_edition()
    except PeerUnavailable as reason:
        return str(reason)
    return "" if shutil.which("cc") else "there is no C compiler for the load generator"


def version() -> str:
    """Which edition it is."""
    return find_edition().version


COMPARISON = Comparison("amqp", PEER, version, unavailable, all_workloads, running)
