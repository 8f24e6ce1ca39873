"""Run the real thing beside ours: `./dev peers kafka|rabbitmq` fetches and starts it."""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.peers import maven, rabbitmq
from tests.peers.kafka import ARTIFACTS, KafkaServer, temporary_folder
from tests.peers.maven import PeerUnavailable
from tests.peers.rabbitmq import RabbitmqServer


def main() -> int:
    """Fetch only, or run until interrupted."""
    parser = argparse.ArgumentParser(prog="./dev peers", description=__doc__)
    parser.add_argument("peer", choices=["kafka", "rabbitmq"])
    parser.add_argument("--fetch-only", action="store_true", help="get its files and stop")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    try:
        fetched = fetch(arguments.peer)
    except PeerUnavailable as reason:
        print(f"skipped: {reason}")
        return 0
    if arguments.fetch_only:
        print(fetched)
        return 0
    return run(arguments.peer, dict(each.split("=", 1) for each in arguments.set))


def fetch(peer: str) -> str:
    """Where it is, after fetching it once."""
    if peer == "rabbitmq":
        edition = rabbitmq.fetch()
        return f"{edition.root or ''}{edition.home}"
    maven.java()
    return str(maven.jars("kafka", ARTIFACTS))


def run(peer: str, settings: dict[str, str]) -> int:
    """In the foreground: one line when ready, a clean end on Ctrl-C or SIGTERM."""
    signals = {signal.SIGINT, signal.SIGTERM}
    with temporary_folder() as folder:
        make = RabbitmqServer if peer == "rabbitmq" else KafkaServer
        server = make(Path(folder), settings).start()
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        print(f"{server.name} {server.version} ready on {server.bootstrap}", flush=True)
        signal.sigwait(signals)
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
