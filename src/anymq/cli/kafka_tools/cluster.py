"""`anymq kafka-cluster cluster-id`: as kafka-cluster.sh."""

import argparse
from collections.abc import Sequence

from anymq.cli.kafka.cluster import Node
from anymq.cli.kafka.connecting import connect_with
from anymq.cli.kafka.properties import load_properties


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("cluster-id", help="the id of the cluster")
    actions.add_parser("list-endpoints", help="its brokers, and where they are")
    for action in actions.choices.values():
        action.add_argument("--bootstrap-server", "-b", required=True, metavar="SERVERS")
        action.add_argument("--command-config", "--config", "-c", metavar="FILE")


def run(arguments: argparse.Namespace) -> int:
    """Print what is asked for."""
    config = arguments.command_config
    properties = load_properties(config) if config else {}
    with connect_with(arguments.bootstrap_server, properties) as cluster:
        info = cluster.metadata([])
    if arguments.action == "cluster-id":
        print(f"Cluster ID: {info.id}")
        return 0
    print_endpoints(sorted(info.nodes.values(), key=lambda node: node.id))
    return 0


def print_endpoints(nodes: Sequence[Node]) -> None:
    """Print where brokers are, in the columns of the original."""
    rows = [("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE")]
    rows += [
        (str(node.id), node.host, str(node.port), node.rack or "null", "unfenced", "broker")
        for node in nodes
    ]
    host_width = max(len(row[1]) for row in rows)
    for number, host, port, rack, state, kind in rows:
        print(f"{number:10} {host:{host_width}} {port:10} {rack:10} {state:10} {kind:15}")
