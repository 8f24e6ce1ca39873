"""Run the real thing beside ours: `./dev peers kafka` fetches and starts it."""

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.peers import maven
from tests.peers.kafka import ARTIFACTS, KafkaServer, temporary_folder


def main() -> int:
    """Fetch only, or run until interrupted."""
    parser = argparse.ArgumentParser(prog="./dev peers", description=__doc__)
    parser.add_argument("peer", choices=["kafka"])
    parser.add_argument("--fetch-only", action="store_true", help="get the jars and stop")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    try:
        maven.java()
        folder = maven.jars("kafka", ARTIFACTS)
    except maven.PeerUnavailable as reason:
        print(f"skipped: {reason}")
        return 0
    if arguments.fetch_only:
        print(folder)
        return 0
    return run(dict(each.split("=", 1) for each in arguments.set))


def run(settings: dict[str, str]) -> int:
    """In the foreground: one line when ready, a clean end on Ctrl-C or SIGTERM."""
    signals = {signal.SIGINT, signal.SIGTERM}
    with temporary_folder() as folder:
        server = KafkaServer(Path(folder), settings).start()
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        print(f"{server.name} {server.version} ready on {server.bootstrap}", flush=True)
        signal.sigwait(signals)
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
