"""Against mosquitto."""

import shutil

from benchmarks.measuring import Comparison
from benchmarks.mqtt.sides import PEER, running
from benchmarks.mqtt.workloads import all_workloads
from tests.peers import mosquitto
from tests.peers.maven import PeerUnavailable

SECONDS = 0.5  # of each load, after one more: the whole comparison takes less than four minutes
WARM_UPS = 1


def unavailable() -> str:
    """Needs the system's mosquitto."""
    try:
        mosquitto.program()
    except PeerUnavailable as reason:
        return str(reason)
    return "" if shutil.which("cc") else "there is no C compiler for the load generator"


COMPARISON = Comparison(
    "mqtt", PEER, mosquitto.version, unavailable, all_workloads, running, SECONDS, WARM_UPS
)
