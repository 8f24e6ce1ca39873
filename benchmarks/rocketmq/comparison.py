"""Against Apache RocketMQ."""

import shutil

from benchmarks.measuring import Comparison
from benchmarks.rocketmq.sides import PEER, running
from benchmarks.rocketmq.workloads import all_workloads
from tests.peers import maven
from tests.peers.maven import PeerUnavailable
from tests.peers.rocketmq import ARTIFACTS, VERSION

SECONDS = 2.0  # of each load


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
    "rocketmq", PEER, lambda: VERSION, unavailable, all_workloads, running, SECONDS
)
