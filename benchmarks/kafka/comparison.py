"""Against Apache Kafka."""

from benchmarks.kafka.sides import PEER, running
from benchmarks.kafka.workloads import all_workloads
from benchmarks.measuring import Comparison
from tests.peers import maven
from tests.peers.kafka import ARTIFACTS, VERSION


def unavailable() -> str:
    """Needs Java, and the jars."""
    try:
        maven.java()
        maven.jars("kafka", ARTIFACTS)
    except maven.PeerUnavailable as reason:
        return str(reason)
    return ""


COMPARISON = Comparison("kafka", PEER, lambda: VERSION, unavailable, all_workloads, running)
