"""The long form of the programme of reliability: row by row, round by round, ever new seeds.

`./dev soak [HOURS] [--report FILE]`. Each round runs every row once; the report says what ran, how
often, with which seeds, and what came of it. What fails says how it is run again.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "explanation" / "soak-report.md"
COUNTED = re.compile(r"(\d+) (passed|failed|skipped|errors?)\b")
LAST_LINES = 60


@dataclass(frozen=True)
class Row:
    """A row of the programme: its tests, and how many times the short form a round is."""

    name: str
    tests: Sequence[str]
    each_round: str
    effort: int = 1


ROWS = (
    Row(
        "kill -9 under load, all protocols at once",
        ("tests/crash/test_kill*.py", "tests/crash/test_two_banks.py"),
        "90 kills of all together, and of each special load some",
        effort=3,
    ),
    Row("power cut", ("tests/crash/test_power_cut.py",), "60 cuts", effort=3),
    Row(
        "crash images",
        (
            "tests/crash/test_*images.py",
            "tests/crash/test_*mutants.py",
            "tests/crash/test_meta*.py",
        ),
        "100,000 images",
        effort=10,
    ),
    Row("corruption", ("tests/crash/test_corruption.py",), "20,000 directories", effort=10),
    Row(
        "disk full, EIO, no file handles",
        (
            "tests/crash/test_disk_full*.py",
            "tests/crash/test_bad_disks.py",
            "tests/hostile/test_amqp_alarms.py",
        ),
        "600 bad disks, each full disk once",
        effort=4,
    ),
    Row(
        "memory ceiling, producers faster than the disk, lengths that lie, bombs",
        (
            "tests/hostile/test_*memory.py",
            "tests/hostile/test_*frames.py",
            "tests/hostile/test_stomp.py",
            "tests/hostile/test_rocketmq.py",
            "tests/hostile/test_grpc.py",
        ),
        "all once",
    ),
    Row(
        "half-open peers, floods, slow loris",
        (
            "tests/hostile/test_half_open.py",
            "tests/hostile/test_*floods.py",
            "tests/hostile/test_websocket.py",
        ),
        "all once",
    ),
    Row("clock jumps", ("tests/crash/test_clock_jumps.py",), "15 jumps", effort=5),
    Row(
        "authentication and permissions",
        (
            "tests/hostile/test_security.py",
            "tests/unit/protocols/**/test_*rights*.py",
            "tests/unit/management/api/test_rights*.py",
            "tests/conformance/across/test_rights.py",
        ),
        "every operation and right",
    ),
    Row("simulation", ("tests/simulation/test_*.py",), "10,000 worlds", effort=10),
    Row("fuzz each parser", ("tests/fuzz/test_fuzz.py",), "120 s for each", effort=10),
)


@dataclass
class Tally:
    """What came of a row so far."""

    rounds: int = 0
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    seeds: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # how they are run again


def main() -> int:
    """Go round until the time is over, and report."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("hours", nargs="?", type=float, default=1.0)
    parser.add_argument("--report", type=Path, default=REPORT)
    said = parser.parse_args()
    begun = time.monotonic()
    tallies = {row.name: Tally() for row in ROWS}
    while True:
        for row in ROWS:
            run_row(row, tallies[row.name])
            said.report.write_text(report(tallies, begun))
        if time.monotonic() - begun >= said.hours * 3600:
            break
    print(f"the report is {said.report}")
    return 1 if any(tally.failures for tally in tallies.values()) else 0


def run_row(row: Row, tally: Tally) -> None:
    """Run it once, with a seed of its own."""
    seed = str(SystemRandom().randrange(2**32))
    again = {"ANYMQ_SEED": seed, "ANYMQ_EFFORT": str(row.effort)}
    options = ["-q", "-n", str(os.cpu_count() or 1), "--dist=loadgroup", "--timeout=0"]
    begun = time.monotonic()
    status, output = run([sys.executable, "-m", "pytest", *options, *files_of(row)], again)
    tally.rounds += 1
    tally.seconds += time.monotonic() - begun
    tally.seeds.append(seed)
    for count, what in COUNTED.findall(output.strip().rpartition("\n")[2]):
        tally.counts[what] = tally.counts.get(what, 0) + int(count)
    if status:
        words = " ".join(f"{name}={value}" for name, value in again.items())
        tally.failures.append(f"{words} ./dev test {' '.join(row.tests)}")
    tell(row.name, tally, "" if status == 0 else output)


def files_of(row: Row) -> list[str]:
    """The files that its patterns name."""
    return [str(path.relative_to(ROOT)) for each in row.tests for path in sorted(ROOT.glob(each))]


def run(command: Sequence[str], more: Mapping[str, str]) -> tuple[int, str]:
    """Return its status, and all that it said."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout


def tell(name: str, tally: Tally, output: str) -> None:
    """A line for those who look on; and what failed."""
    if output:
        print("\n".join(output.splitlines()[-LAST_LINES:]))
        print(f"again: {tally.failures[-1]}")
    print(f"{name}: {counted(tally)} in {tally.rounds} rounds, {tally.seconds:.0f} s", flush=True)


def counted(tally: Tally) -> str:
    """What of it passed, failed, and was skipped."""
    return ", ".join(f"{count:,} {what}" for what, count in tally.counts.items()) or "nothing"


def report(tallies: Mapping[str, Tally], begun: float) -> str:
    """Return the page."""
    hours = (time.monotonic() - begun) / 3600
    lines = [
        "# The last long run",
        "",
        f"Written by `./dev soak`: {hours:.1f} hours on {os.cpu_count()} processors, Python"
        f" {platform.python_version()}, commit {commit()}.",
        "What each row is for: [the programme](reliability.md#the-programme).",
        "",
        "| row | each round | rounds | tests, all together | minutes | result | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        tally = tallies[row.name]
        result = "**failed**" if tally.failures else "clean"
        minutes, seeds = f"{tally.seconds / 60:.1f}", " ".join(tally.seeds)
        cells = (row.name, row.each_round, tally.rounds, counted(tally), minutes, result, seeds)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    failures = [f"- `{each}`" for tally in tallies.values() for each in tally.failures]
    if failures:
        lines += ["", "What failed, and how it is run again:", "", *failures]
    return "\n".join([*lines, ""])


def commit() -> str:
    """Return which one this is."""
    _, said = run(["git", "describe", "--always", "--dirty", "--exclude", "*"], {})
    return said.strip()


if __name__ == "__main__":
    sys.exit(main())
