"""What the flags of Kafka's tools have in common."""

import argparse
import re
from collections.abc import Callable, Iterable

import anymq
from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.connecting import connect_with
from anymq.cli.kafka.properties import load_properties, pairs

SERVERS_HELP = "REQUIRED: the servers to connect to: HOST1:PORT1,HOST2:PORT2"


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare what every tool has. Flags may be shortened, as there."""
    parser.allow_abbrev = True
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--bootstrap-server", required=True, metavar="SERVERS", help=SERVERS_HELP)
    add("--command-config", metavar="FILE", help="properties for the client: security, SASL, TLS")
    add("--version", action="version", version=f"anymq {anymq.__version__}")


def connect(arguments: argparse.Namespace) -> Cluster:
    """Connect as --command-config says."""
    config = arguments.command_config
    return connect_with(arguments.bootstrap_server, load_properties(config) if config else {})


def properties_of(files: Iterable[str | None], words: Iterable[str], flag: str) -> dict[str, str]:
    """Read property files, and key=value words over them."""
    found: dict[str, str] = {}
    for file in files:
        if file is not None:
            found |= load_properties(file)
    return found | pairs(words, flag)


def topic_filter(text: str | None) -> Callable[[str], bool]:
    """Read a topic as these tools do: a regular expression, commas for "or"."""
    if text is None:
        return lambda _: True
    pattern = text.strip().replace(",", "|").replace(" ", "").strip("\"'")
    matches = re.compile(pattern).fullmatch
    return lambda name: matches(name) is not None
