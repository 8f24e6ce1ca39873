"""Measure ours and a peer in turn: `./dev bench amqp`, ratios of medians at the end.

`./dev bench management` is another thing: what an open page costs.
"""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import chart, report
from benchmarks.amqp.comparison import COMPARISON as AMQP
from benchmarks.kafka.comparison import COMPARISON as KAFKA
from benchmarks.management import watching
from benchmarks.measuring import (
    OURS,
    Bench,
    Comparison,
    Figures,
    Processors,
    Promise,
    Workload,
    alone,
)
from benchmarks.mqtt.comparison import COMPARISON as MQTT
from benchmarks.rocketmq.comparison import COMPARISON as ROCKETMQ

import anymq

COMPARISONS = {comparison.name: comparison for comparison in (AMQP, KAFKA, MQTT, ROCKETMQ)}
RESULTS = Path(__file__).with_name("results")
DOCUMENT = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"


def main() -> int:
    """Run what was asked for."""
    if sys.argv[1:2] == ["management"]:
        return watching.main(sys.argv[2:])
    arguments = parse()
    comparison = COMPARISONS[arguments.peer]
    if arguments.write:
        write_document(comparison)
        return 0
    sides = which_sides(comparison, arguments.sides)
    processors = Processors.share()
    if processors.complaint:
        print(processors.complaint)
    bench = Bench(processors, arguments.seconds or comparison.seconds)
    workloads = comparison.workloads(comparison.peer in sides)
    wanted = [each for each in workloads if arguments.only.lower() in each.name.lower()]
    failure = ""
    try:
        outcomes = measure(comparison, bench, wanted, sides, arguments.rounds)
    except Broken as broken:
        outcomes, failure = broken.outcomes, str(broken)
    versions = f"anymq {anymq.__version__}, {comparison.peer} {comparison.versions()}"
    about = report.describe(versions, arguments.rounds, processors.complaint)
    outcomes = report.with_last(comparison, RESULTS, outcomes, about, workloads)
    report.write(comparison, RESULTS, outcomes, about)
    print(f"\n{report.markdown(outcomes, about, comparison.peer)}\nwritten to {RESULTS}")
    if failure:
        print(f"broken off: {failure}")
    return 1 if failure else 0


def parse() -> argparse.Namespace:
    """What is wanted."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("peer", choices=sorted(COMPARISONS), help="whose protocol is spoken")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side has its turn")
    parser.add_argument("--seconds", type=float, help="how long a load lasts")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="workloads with this in the name"
    )
    parser.add_argument("--sides", default="both", choices=["both", "anymq", "peer"])
    parser.add_argument("--write", action="store_true", help="only put the last table in the docs")
    return parser.parse_args()


def which_sides(comparison: Comparison, wanted: str) -> list[str]:
    """Ours alone where the peer cannot run."""
    if wanted == OURS:
        return [OURS]
    if why := comparison.unavailable():
        print(f"without the peer: {why}")
        return [OURS]
    return [comparison.peer] if wanted == "peer" else [OURS, comparison.peer]


class Broken(Exception):
    """A broker, or the generator, gave up; what was measured before that counts."""

    def __init__(self, why: str, outcomes: list[report.Outcome]) -> None:
        super().__init__(why)
        self.outcomes = outcomes


def measure(
    comparison: Comparison,
    bench: Bench,
    workloads: Sequence[Workload[Any]],
    sides: Sequence[str],
    rounds: int,
) -> list[report.Outcome]:
    """Workloads that ask the same promise share the brokers, unless they stand apart."""
    outcomes: list[report.Outcome] = []
    for (promise, _), group in groupby(sorted(workloads, key=brokers_of), brokers_of):
        with comparison.running(sides, promise, bench.processors) as brokers:
            for place, workload in enumerate(group):
                taken: dict[str, list[Figures]] = defaultdict(list)
                usual = comparison.warm_ups if place else comparison.first_warm_ups
                warm_ups = usual if workload.warm_up else 0
                for number in range(1 - warm_ups, rounds + 1):
                    for side in brokers:
                        with alone(side, brokers):
                            os.sync()  # what the last one left to write is not to slow this one
                            try:
                                figures = workload.measure(bench, side)
                            except RuntimeError as error:
                                why = f"{side.name}, {workload.name}: {error}"
                                raise Broken(why, outcomes) from error
                        if number > 0:
                            taken[side.name].append(figures)
                outcomes.append(report.Outcome(workload, taken))
                print(report.line(outcomes[-1], comparison.peer), flush=True)
    return outcomes


def brokers_of(workload: Workload[Any]) -> tuple[Promise, str]:
    """Which brokers it runs on."""
    return workload.promise, workload.apart


def write_document(comparison: Comparison) -> None:
    """Put the last table between its two marks, below a chart of its ratios."""
    document, chart = documents(comparison)
    DOCUMENT.write_text(document)
    chart_of(comparison).write_text(chart)


def documents(comparison: Comparison) -> tuple[str, str]:
    """Return the page and the chart, as what was measured last says."""
    name, peer = comparison.name, comparison.peer
    begin = f"<!-- bench {name}: begin, made by ./dev bench {name} --write -->"
    end = f"<!-- bench {name}: end -->"
    before, _, rest = DOCUMENT.read_text().partition(begin)
    _, _, after = rest.partition(end)
    outcomes, about = report.read(comparison, RESULTS)
    picture = f"![how many times better than {peer}]({chart_of(comparison).name})"
    table = report.markdown(outcomes, about, peer)
    return f"{before}{begin}\n{picture}\n\n{table}{end}{after}", chart.svg(outcomes, peer)


def chart_of(comparison: Comparison) -> Path:
    """Return where its chart is."""
    return DOCUMENT.with_name(f"performance-{comparison.name}.svg")


if __name__ == "__main__":
    sys.exit(main())
