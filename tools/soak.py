"""The long form of the programme of reliability: row by row, round by round, ever new seeds.

`./dev soak [HOURS] [--report FILE]`. The first round runs each row in its short form, as the tests
do, and learns how long that takes here. The time that is left is dealt to the rows in equal parts,
an hour at a time: each runs with the effort that fits. So it ends about when it should, but never
before the first round has. The report says what ran, how often, with which seeds, and what came of
it. What fails says how it is run again.
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
ROUND_SECONDS = 3600.0  # at most, after the first
EFFORT_MAX = 100


@dataclass(frozen=True)
class Row:
    """A row of the programme: its tests, and what one time the short form is."""

    name: str
    tests: Sequence[str]
    short: str
    effort_max: int = 1  # in a round; 1: more effort would do nothing more


ROWS = (
    Row(
        "kill -9 under load, all protocols at once",
        ("tests/crash/test_kill*.py", "tests/crash/test_two_banks.py"),
        "30 kills of all together, and of each special load some",
        effort_max=EFFORT_MAX,
    ),
    Row("power cut", ("tests/crash/test_power_cut.py",), "20 cuts", effort_max=EFFORT_MAX),
    Row(
        "crash images",
        (
            "tests/crash/test_*images.py",
            "tests/crash/test_*mutants.py",
            "tests/crash/test_meta*.py",
        ),
        "10,000 images",
        effort_max=EFFORT_MAX,
    ),
    Row(
        "corruption",
        ("tests/crash/test_corruption.py",),
        "2,000 directories",
        effort_max=EFFORT_MAX,
    ),
    Row(
        "disk full, EIO, no file handles",
        (
            "tests/crash/test_disk_full*.py",
            "tests/crash/test_bad_disks.py",
            "tests/hostile/test_amqp_alarms.py",
        ),
        "150 bad disks, each full disk once",
        effort_max=EFFORT_MAX,
    ),
    Row(
        "memory ceiling, producers faster than the disk, lengths that lie, bombs",
        (
            "tests/hostile/test_*memory.py",
            "tests/hostile/test_*frames.py",
            "tests/hostile/test_mqtt.py",
            "tests/hostile/test_stomp.py",
            "tests/hostile/test_rocketmq.py",
            "tests/hostile/test_grpc.py",
        ),
        "all once",
    ),
    Row(
        "memory ceiling in a cgroup of 256 MiB",
        ("tests/hostile/test_memory_ceiling.py",),
        "a gigabyte in a queue, 200 consumers who do not read",
        effort_max=10,
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
    Row("clock jumps", ("tests/crash/test_clock_jumps.py",), "3 jumps", effort_max=EFFORT_MAX),
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
    Row(
        "simulation", ("tests/simulation/test_*.py",), "1,000 worlds, a day", effort_max=EFFORT_MAX
    ),
    Row("fuzz each parser", ("tests/fuzz/test_fuzz.py",), "12 s for each", effort_max=EFFORT_MAX),
)


@dataclass
class Tally:
    """What came of a row so far."""

    efforts: list[int] = field(default_factory=list)
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
    efforts = dict.fromkeys(tallies, 1)
    while any(efforts.values()):
        for row in ROWS:
            if efforts[row.name]:
                run_row(row, tallies[row.name], efforts[row.name])
                said.report.write_text(report(tallies, begun))
        efforts = dealt(tallies, begun + said.hours * 3600 - time.monotonic())
    print(f"the report is {said.report}")
    return 1 if any(tally.failures for tally in tallies.values()) else 0


def dealt(tallies: Mapping[str, Tally], seconds: float) -> dict[str, int]:
    """Return how much effort of each row fits into the time that is left, or into one round."""
    share = max(0.0, min(seconds, ROUND_SECONDS)) / len(ROWS)
    short = {name: max(1.0, one.seconds / sum(one.efforts)) for name, one in tallies.items()}
    return {row.name: min(int(share / short[row.name]), row.effort_max) for row in ROWS}


def run_row(row: Row, tally: Tally, effort: int) -> None:
    """Run it once, with a seed of its own."""
    seed = str(SystemRandom().randrange(2**32))
    again = {"ANYMQ_SEED": seed, "ANYMQ_EFFORT": str(effort)}
    options = ["-q", "-n", str(os.cpu_count() or 1), "--dist=loadgroup", "--timeout=0"]
    begun = time.monotonic()
    status, output = run([sys.executable, "-m", "pytest", *options, *files_of(row)], again)
    tally.efforts.append(effort)
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
    print(
        f"{name}: {counted(tally)} in {len(tally.efforts)} rounds, {tally.seconds:.0f} s",
        flush=True,
    )


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
        "| row | short form | times, by round | tests, all together | minutes | result | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        tally = tallies[row.name]
        result = "**failed**" if tally.failures else "clean" if tally.efforts else "not run"
        minutes, seeds = f"{tally.seconds / 60:.1f}", " ".join(tally.seeds)
        times = " + ".join(map(str, tally.efforts)) or "not yet"
        cells = (row.name, row.short, times, counted(tally), minutes, result, seeds)
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
