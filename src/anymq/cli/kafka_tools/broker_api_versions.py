"""`anymq kafka-broker-api-versions`: as kafka-broker-api-versions.sh."""

import argparse
import importlib

from anymq.cli.kafka.cluster import Node
from anymq.cli.kafka.connection import Connection
from anymq.cli.kafka_tools.flags import add_common, connect
from anymq.protocols.kafka.schema.generated import MODULES

# What this client has no words for: the names, and the newest versions as of Kafka 4.3.
OTHERS = {
    38: ("CreateDelegationToken", 3),
    39: ("RenewDelegationToken", 2),
    40: ("ExpireDelegationToken", 2),
    41: ("DescribeDelegationToken", 3),
    64: ("UnregisterBroker", 0),
    71: ("GetTelemetrySubscriptions", 0),
    72: ("PushTelemetry", 0),
    80: ("AddRaftVoter", 1),
    81: ("RemoveRaftVoter", 0),
    83: ("InitializeShareGroupState", 0),
    84: ("ReadShareGroupState", 0),
    85: ("WriteShareGroupState", 1),
    86: ("DeleteShareGroupState", 0),
    87: ("ReadShareGroupStateSummary", 1),
    88: ("StreamsGroupHeartbeat", 1),
    89: ("StreamsGroupDescribe", 1),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what each broker speaks."""
    with connect(arguments) as cluster:
        for node in sorted(cluster.metadata([]).nodes.values(), key=lambda node: node.id):
            print(description(node, cluster.connection(node.id)))
    return 0


def description(node: Node, connection: Connection) -> str:
    """Write what one broker speaks."""
    keys = sorted({*connection.versions, *MODULES, *OTHERS})
    lines = [_line(key, connection.versions.get(key)) for key in keys]
    rack = "null" if node.rack is None else node.rack
    head = f"{node.host}:{node.port} (id: {node.id} rack: {rack} isFenced: false) -> (\n\t"
    return head + ",\n\t".join(lines) + "\n)"


def _line(key: int, spoken: tuple[int, int] | None) -> str:
    name, oldest, newest = _known(key)
    if spoken is None:
        return f"{name}({key}): UNSUPPORTED"
    low, high = spoken
    text = f"{name}({key}): " + (str(low) if low == high else f"{low} to {high}")
    if newest < 0:
        return text
    if low > newest:
        return f"{text} [unusable: node too new]"
    if high < oldest:
        return f"{text} [unusable: node too old]"
    return f"{text} [usable: {min(high, newest)}]"


def _known(key: int) -> tuple[str, int, int]:
    """Return the name of an API, its oldest and its newest version; -1 when we know none."""
    if key in MODULES:
        module = importlib.import_module(f"anymq.protocols.kafka.schema.generated.{MODULES[key]}")
        return MODULES[key].title().replace("_", ""), module.MIN_VERSION, module.MAX_VERSION
    name, newest = OTHERS.get(key, ("UNKNOWN", -1))
    return name, 0, newest
