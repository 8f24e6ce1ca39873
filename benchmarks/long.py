"""What a very long partition costs: `python -m benchmarks.long [--records 100000000]`.

Records of 100 B come as Kafka's producer sends them, each batch safe on the disk; then all are
read, the broker is killed, and started, and ended, and started. Prints what each took of time and
memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.kafka import frames
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.anymq import AnymqServer

RAW = Path(__file__).with_name("kafka") / "raw.py"
TOPIC, SIZE, SECONDS = "long", 100, 3600


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000_000)
    parser.add_argument("--folder", help="on which disk; the system's place for such otherwise")
    arguments = parser.parse_args()
    _, each = frames.batch(SIZE)
    requests = -(-arguments.records // each)
    with tempfile.TemporaryDirectory(dir=arguments.folder, ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder))
        try:
            server.start()
            live_through(server, requests, requests * each)
        finally:
            server.stop()


def live_through(server: AnymqServer, requests: int, records: int) -> None:
    """Everything that happens to it."""
    idle = server.usage().rss_bytes
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    admin.create_topics([NewTopic(TOPIC, 1)])[TOPIC].result()
    del admin  # it would try to reach the broker while there is none

    def say(what: str, rate: float = 0.0, seconds: float = 0.0) -> None:
        more = (server.usage().rss_bytes - idle) / 1e6
        took = f"{rate:,.0f} records/s" if rate else f"{seconds:.2f} s"
        print(f"{what:28} {took:>22}, {more:.0f} MB over idle", flush=True)

    def load(kind: str, *options: object) -> float:
        argv = [sys.executable, str(RAW), kind, server.bootstrap, TOPIC, "--size", str(SIZE)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        said = subprocess.run(
            [*argv, *map(str, options)], check=True, stdout=subprocess.PIPE, env=env
        )
        return float(json.loads(said.stdout)["messages_per_second"])

    def restart(end: Callable[[], object]) -> float:
        end()
        begun = time.perf_counter()
        server.start()
        return time.perf_counter() - begun

    tenth = requests // 10
    all_of_it = ["--records", records, "--connections", 1, "--seconds", 0]
    said = ["--acks", -1, "--seconds", SECONDS, "--requests"]
    say(f"the first {records // 10:,}", load("produce", *said, tenth))
    load("produce", *said, 8 * tenth)
    say("the last tenth", load("produce", *said, requests - 9 * tenth))
    say("all of it read", load("consume", *all_of_it))
    say("ready after a kill", seconds=restart(server.kill))
    say("ready after an end", seconds=restart(server.stop))
    say("all of it read again", load("consume", *all_of_it))


if __name__ == "__main__":
    main()
