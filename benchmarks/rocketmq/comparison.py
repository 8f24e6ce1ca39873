"""Against Apache RocketMQ."""

import shutil

from benchmarks.measuring import Comparison
from benchmarks.rocketmq.sides import PEER, running
from benchmarks.rocketmq.workloads import all_workloads
from tests.peers import maven
from tests.peers.maven import PeerUnavailable
from tests.peers.rocketmq import ARTIFACTS, VERSION

SECONDS = 2.0  # of each load
WARM_UPS = 12  # after half a minute of load a new JVM gets no faster


def unavailable() -> str:
    """Needs Java, and Maven the first time."""
    if not shutil.which("cc"):
        return "there is no C compiler for the load generator"
    try:
        maven.java()
        maven.jars("rocketmq", ARTIFACTS)
    except PeerUnavailable as reason:
        return str(reason)
    return ""


COMPARISON = Comparison(
    name="rocketmq",
    peer=PEER,
    versions=lambda: VERSION,
    unavailable=unavailable,
    workloads=all_workloads,
    running=running,
    seconds=SECONDS,
    first_warm_ups=WARM_UPS,
)
