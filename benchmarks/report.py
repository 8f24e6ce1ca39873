"""Figures of all rounds to ratios, Markdown and JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import OURS, Comparison, Figures, Workload

from anymq.cli.doctoring.python import described

# What the table shows beside the main figure, where a workload has it.
MORE = {
    "broker_cpu_us_per_message": ("CPU µs/message", 2),
    "broker_busy_percent": ("% busy", 0),
    "ack_p99_ms": ("p99 ms", 2),
    "delivery_p50_ms": ("delivery p50 ms", 2),
    "generator_busy_percent": ("% generator busy", 0),
    "idle_rss_mb": ("RSS MB", 0),
    "rss_mb": ("RSS MB", 0),
    "sessions_per_second": ("sessions/s", 0),
    "idle_cpu_percent": ("% busy when idle", 0),
    "rss_over_idle_mb": ("MB over idle", 0),
}
MAIN = {
    "messages_per_second": "messages/s",
    "ack_p50_ms": "p50 ms",
    "delivery_p50_ms": "p50 ms",
    "first_ack_s": "s to first ack",
    "ready_s": "s to ready",
    "session_kb": "KB a session",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """All rounds of one workload: figures by side."""

    workload: Workload[Any]
    rounds: Mapping[str, Sequence[Figures]]

    def values(self, side: str, figure: str) -> list[float]:
        """One figure of one side, round by round."""
        return [figures[figure] for figures in self.rounds.get(side, ()) if figure in figures]

    def ratio(self, peer: str) -> tuple[float, float, float] | None:
        """How many times better ours is: of the medians, and the least and most of the rounds."""
        ours = self.values(OURS, self.workload.figure)
        peers = self.values(peer, self.workload.figure)
        if not ours or not peers:
            return None
        each = [self._better(a, b) for a, b in zip(ours, peers, strict=False)]
        return self._better(median(ours), median(peers)), min(each), max(each)

    def _better(self, ours: float, peer: float) -> float:
        return ours / peer if self.workload.higher else peer / ours


def line(outcome: Outcome, peer: str) -> str:
    """For the terminal."""
    medians = "; ".join(f"{side} {_shown(outcome, side)}" for side in outcome.rounds)
    ratio = outcome.ratio(peer)
    times = "" if ratio is None else f" -> {ratio[0]:.2f}x ({ratio[1]:.2f} to {ratio[2]:.2f})"
    return f"{outcome.workload.name}: {medians}{times}"


def _shown(outcome: Outcome, side: str) -> str:
    main = f"{_number(median(outcome.values(side, outcome.workload.figure)))}"
    more = [
        f"{name} {median(values):,.{digits}f}"
        for figure, (name, digits) in MORE.items()
        if figure != outcome.workload.figure and (values := outcome.values(side, figure))
    ]
    return ", ".join([f"{main} {MAIN[outcome.workload.figure]}", *more])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(outcomes: Sequence[Outcome], about: Mapping[str, object], peer: str) -> str:
    """The table for the docs."""
    rows = "".join(
        f"| {each.workload.name} | {_cell(each, OURS)} | {_cell(each, peer)} |"
        f" {_ratio(each, peer)} |\n"
        for each in outcomes
    )
    head = f"| workload | anymq | {peer} | times better |\n|---|---|---|---|\n"
    return f"{_about(about)}\n\n{head}{rows}"


def _about(about: Mapping[str, object]) -> str:
    complaint = about["complaint"] or "each broker on one processor, the generator on another"
    return (
        f"{about['date']}: {about['versions']}, {about['machine']}; {about['rounds']} interleaved"
        f" rounds, medians (least to most of the rounds' ratios); {complaint}."
    )


def _cell(outcome: Outcome, side: str) -> str:
    return _shown(outcome, side) if outcome.values(side, outcome.workload.figure) else "not run"


def _ratio(outcome: Outcome, peer: str) -> str:
    ratio = outcome.ratio(peer)
    return "" if ratio is None else f"{ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})"


def describe(versions: str, rounds: int, complaint: str) -> dict[str, object]:
    """Where and how it was measured."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": f"{versions}, {described()}",
        "machine": f"{os.cpu_count()} processors, {platform.system()}",
        "rounds": rounds,
        "complaint": complaint,
    }


def with_last(
    comparison: Comparison,
    folder: Path,
    outcomes: Sequence[Outcome],
    about: Mapping[str, object],
    workloads: Sequence[Workload[Any]],
) -> list[Outcome]:
    """Add what the last run measured and this one did not, if it was measured in the same way."""
    file = folder / f"{comparison.name}.json"
    last: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"about": None}
    rounds = dict(last["workloads"]) if last["about"] == about else {}
    rounds |= {each.workload.name: each.rounds for each in outcomes}
    known = [each for each in workloads if each.name in rounds]
    return [Outcome(each, rounds[each.name]) for each in known]


def read(comparison: Comparison, folder: Path) -> tuple[Sequence[Outcome], Mapping[str, object]]:
    """Return what was measured last, and where and how."""
    last = json.loads((folder / f"{comparison.name}.json").read_text())
    known = [each for each in comparison.workloads(True) if each.name in last["workloads"]]
    return [Outcome(each, last["workloads"][each.name]) for each in known], last["about"]


def write(
    comparison: Comparison, folder: Path, outcomes: Sequence[Outcome], about: Mapping[str, object]
) -> None:
    """`kafka.json` for machines, `kafka.md` for the docs; the same for every other peer."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = {"about": about, "workloads": {each.workload.name: each.rounds for each in outcomes}}
    (folder / f"{comparison.name}.json").write_text(json.dumps(raw, indent=1) + "\n")
    (folder / f"{comparison.name}.md").write_text(markdown(outcomes, about, comparison.peer))
