"""Measure ours and a peer in turn: `./dev bench kafka`, ratios of medians at the end."""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.kafka import report
from benchmarks.kafka.sides import OURS, PEER, Processors, Promise, running
from benchmarks.kafka.workloads import Bench, Figures, Workload, all_workloads
from tests.peers import maven
from tests.peers.kafka import ARTIFACTS, VERSION

import anymq

WARM_UPS = 2
RESULTS = Path(__file__).with_name("results")
DOCUMENT = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"
BEGIN, END = (
    "<!-- bench kafka: begin, made by ./dev bench kafka --write -->",
    "<!-- bench kafka: end -->",
)


def main() -> int:
    """Run what was asked for."""
    arguments = parse()
    if arguments.write:
        write_document()
        return 0
    sides = which_sides(arguments.sides)
    processors = Processors.share()
    if processors.complaint:
        print(processors.complaint)
    bench = Bench(processors, arguments.seconds)
    workloads = all_workloads(java=PEER in sides)
    wanted = [each for each in workloads if arguments.only.lower() in each.name]
    outcomes = measure(bench, wanted, sides, arguments.rounds)
    versions = f"anymq {anymq.__version__}, Apache Kafka {VERSION}"
    about = report.describe(versions, arguments.rounds, processors.complaint)
    outcomes = report.with_last(RESULTS, outcomes, about, workloads)
    report.write(RESULTS, outcomes, about)
    print(f"\n{report.markdown(outcomes, about)}\nwritten to {RESULTS}")
    return 0


def parse() -> argparse.Namespace:
    """What is wanted."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("peer", choices=["kafka"])
    parser.add_argument("--rounds", type=int, default=5, help="how often each side has its turn")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a load lasts")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="workloads with this in the name"
    )
    parser.add_argument("--sides", default="both", choices=["both", "anymq", "kafka"])
    parser.add_argument("--write", action="store_true", help="only put the last table in the docs")
    return parser.parse_args()


def which_sides(wanted: str) -> list[str]:
    """Ours alone where the peer cannot run."""
    if wanted == "anymq":
        return [OURS]
    try:
        maven.java()
        maven.jars("kafka", ARTIFACTS)
    except maven.PeerUnavailable as reason:
        print(f"without the peer: {reason}")
        return [OURS]
    return [PEER] if wanted == "kafka" else [OURS, PEER]


def measure(
    bench: Bench, workloads: Sequence[Workload], sides: Sequence[str], rounds: int
) -> list[report.Outcome]:
    """Workloads that ask the same promise share the brokers."""
    outcomes = []
    for promise, group in groupby(sorted(workloads, key=promise_of), promise_of):
        with running(sides, promise, bench.processors) as brokers:
            for workload in group:
                taken: dict[str, list[Figures]] = defaultdict(list)
                # The first turns fill caches and let the compilers of the JVM see the load.
                for number in range(1 - WARM_UPS if workload.warm_up else 1, rounds + 1):
                    for side in brokers:
                        os.sync()  # what the last one left to write must not slow this one down
                        figures = workload.measure(bench, side)
                        if number > 0:
                            taken[side.name].append(figures)
                outcomes.append(report.Outcome(workload, taken))
                print(report.line(outcomes[-1]), flush=True)
    return outcomes


def promise_of(workload: Workload) -> Promise:
    """What an acknowledgement means in it."""
    return workload.promise


def write_document() -> None:
    """Put the last table between its two marks."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    table = (RESULTS / "kafka.md").read_text()
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table}{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
