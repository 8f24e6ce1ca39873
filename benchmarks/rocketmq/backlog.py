"""A long backlog: `python -m benchmarks.rocketmq.backlog [millions] [--bytes 100] [--folder DIR]`.

Messages are sent until so many wait (50 million, if nobody says otherwise; it says first how much
disk that takes, and stops where there is not enough). Then the broker starts again, and they are
read from the oldest on. What must not change on the way: how fast it sends, and how much memory it
holds. What is read is compared with a short backlog.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.measuring import OURS, Bench, Processors
from benchmarks.rocketmq.sides import PEER, Server, make_server, port_of
from benchmarks.rocketmq.workloads import BATCH, Load, command

SECONDS = 5.0  # of each piece of the load
SPARE_BYTES = 10 << 30  # of the disk, that are left alone
MILLION = 1_000_000
TOPIC = "backlog"


def main() -> None:
    """Send, start again, read."""
    arguments = parse()
    bench = Bench(Processors.share(), SECONDS)
    folder = Path(tempfile.mkdtemp(prefix="backlog-", dir=arguments.folder))
    server = make_server(arguments.side, folder, "page cache", bench.processors)
    try:
        server.start()
        idle = server.usage().rss_bytes
        print(f"{arguments.side}: {idle / 1e6:.0f} MB when idle", flush=True)
        short = reading(bench, server, "short", arguments.bytes, fill=100_000)
        rates = fill(bench, server, folder, int(arguments.millions * MILLION), arguments.bytes)
        server.stop()
        begun = time.perf_counter()
        server.start()
        print(f"ready again after {time.perf_counter() - begun:.2f} s", flush=True)
        long = reading(bench, server, TOPIC, arguments.bytes)
        tell("sent, last tenth against first", last_tenth(rates), first_tenth(rates))
        tell("read, from the oldest against a short backlog", long, short)
        print(f"{(server.usage().rss_bytes - idle) / 1e6:+.0f} MB over idle")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def parse() -> argparse.Namespace:
    """What is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", type=float, nargs="?", default=50.0)
    parser.add_argument("--bytes", type=int, default=100, help="of a body")
    parser.add_argument("--folder", help="where the data goes (a temporary folder below it)")
    parser.add_argument("--side", choices=[OURS, PEER], default=OURS)
    return parser.parse_args()


def fill(bench: Bench, server: Server, folder: Path, wanted: int, size: int) -> list[float]:
    """Send until they wait; the rate of each piece."""
    sent, rates = 0, []
    what = Load(TOPIC, connections=4, together=BATCH)
    while sent < wanted:
        said = run(bench, server, what, size)
        sent += int(said["messages"])
        rates.append(said["messages"] / said["seconds"])
        each = stored_bytes(folder) / sent
        print(
            f"{sent / MILLION:.2f} million, {rates[-1]:,.0f} messages/s, {cpu_us(said):.1f} µs of"
            f" CPU and {each:.0f} bytes of disk each, {said['rss_bytes'] / 1e6:.0f} MB",
            flush=True,
        )
        room = shutil.disk_usage(folder).free - SPARE_BYTES
        if room < (wanted - sent) * each:
            wanted = sent + int(room / each)
            print(f"the disk has room for {wanted / MILLION:.1f} million", flush=True)
    return rates


def reading(bench: Bench, server: Server, topic: str, size: int, fill: int = 0) -> float:
    """How fast a topic is read, from the oldest message on."""
    together = BATCH if fill else 1
    what = Load(topic, mode="pull", connections=4, together=together, fill=fill)
    said = run(bench, server, what, size)
    rate = said["messages"] / said["seconds"]
    cost, memory = cpu_us(said), said["rss_bytes"] / 1e6
    print(f"read {topic}: {rate:,.0f} messages/s, {cost:.1f} µs each, {memory:.0f} MB", flush=True)
    return rate


def cpu_us(said: Mapping[str, float]) -> float:
    """What a message costs the broker, which matters where others use the machine, too."""
    return said["broker_cpu_s"] * 1e6 / max(1.0, said["messages"])


def run(bench: Bench, server: Server, what: Load, size: int) -> Mapping[str, float]:
    """One piece of a load."""
    options = [*what.options(bench.seconds), "-s", size]
    return dict(json.loads(bench.run(command(port_of(server), server.pid, *options))))


def stored_bytes(folder: Path) -> int:
    """How much of the disk the files take, holes not counted."""
    paths = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
    return sum(os.stat(path).st_blocks * 512 for path in paths)


def first_tenth(rates: list[float]) -> float:
    """The median of the first tenth, without the very first, when the broker is cold."""
    return median(rates[1 : 2 + len(rates) // 10] or rates)


def last_tenth(rates: list[float]) -> float:
    """The median of the last tenth."""
    return median(rates[-1 - len(rates) // 10 :])


def tell(what: str, one: float, other: float) -> None:
    """Print two rates, and how many times better the first is."""
    print(f"{what}: {one:,.0f} against {other:,.0f} messages/s, {one / other:.2f} times")


if __name__ == "__main__":
    main()
