"""Run the real thing beside ours: `./dev peers kafka|rabbitmq|rocketmq` fetches it."""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.peers import kafka, maven, rabbitmq, rocketmq
from tests.peers.kafka import KafkaServer, temporary_folder
from tests.peers.maven import PeerUnavailable
from tests.peers.rabbitmq import RabbitmqServer
from tests.peers.rocketmq import RocketmqServer


def main() -> int:
    """Fetch only, or run until interrupted."""
    parser = argparse.ArgumentParser(prog="./dev peers", description=__doc__)
    parser.add_argument("peer", choices=["kafka", "rabbitmq", "rocketmq"])
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
    artifacts = kafka.ARTIFACTS if peer == "kafka" else rocketmq.ARTIFACTS
    return str(maven.jars(peer, artifacts))


def run(peer: str, settings: dict[str, str]) -> int:
    """In the foreground: one line when ready, a clean end on Ctrl-C or SIGTERM."""
    signals = {signal.SIGINT, signal.SIGTERM}
    with temporary_folder() as folder:
        server = make(peer, Path(folder), settings).start()
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        print(f"{server.name} {server.version} ready on {addresses(server)}", flush=True)
        signal.sigwait(signals)
        server.stop()
    return 0


def make(
    peer: str, folder: Path, settings: dict[str, str]
) -> KafkaServer | RabbitmqServer | RocketmqServer:
    """Return it, not started, with all that it can do."""
    if peer == "rocketmq":
        return RocketmqServer(folder, {**rocketmq.EVERYTHING, **settings}, proxy=True)
    return (RabbitmqServer if peer == "rabbitmq" else KafkaServer)(folder, settings)


def addresses(server: KafkaServer | RabbitmqServer | RocketmqServer) -> str:
    """Return where clients find it."""
    if isinstance(server, RocketmqServer):
        return f"{server.bootstrap} (broker {server.port}, gRPC 127.0.0.1:{server.grpc_port})"
    return server.bootstrap


if __name__ == "__main__":
    sys.exit(main())
