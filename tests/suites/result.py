"""What a suite said, kept as JSON and shown as Markdown."""

import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

Outcome = Literal["passed", "failed", "skipped"]
REASONS = Path(__file__).with_name("reasons.toml")
DETAIL_CHARS = 200


@dataclass(frozen=True, slots=True)
class Case:
    """One test and what became of it."""

    name: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One suite on one broker."""

    suite: str
    versions: str
    broker: str
    seconds: float
    cases: tuple[Case, ...]

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return Counter(case.outcome for case in self.cases)[outcome]

    def summary(self) -> str:
        """One line."""
        return (
            f"{self.suite} on {self.broker}: {self.count('passed')} passed,"
            f" {self.count('failed')} failed, {self.count('skipped')} skipped"
            f" [{self.seconds:.0f} s]"
        )

    def write(self, folder: Path) -> None:
        """Keep it: one file for each suite and broker."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.suite}-on-{self.broker.split()[0].lower()}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(folder: Path) -> list[Result]:
    """Everything kept."""
    results = []
    for path in sorted(folder.glob("*.json")):
        raw = json.loads(path.read_text())
        cases = tuple(Case(**case) for case in raw.pop("cases"))
        results.append(Result(**raw, cases=cases))
    return results


def from_junit(path: Path) -> tuple[Case, ...]:
    """The tests in a report that pytest wrote."""
    cases = [_case(each) for each in ElementTree.parse(path).getroot().iter("testcase")]
    return tuple(cases)


def _case(element: ElementTree.Element) -> Case:
    name = f"{element.get('classname', '').rpartition('.')[2]}::{element.get('name')}"
    for tag, outcome in TAGS.items():
        if (found := element.find(tag)) is not None:
            return Case(name, outcome, (found.get("message") or "")[:DETAIL_CHARS])
    return Case(name, "passed")


TAGS: dict[str, Outcome] = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def markdown(results: Sequence[Result]) -> str:
    """A row for each suite, then each test that does not pass, with its reason."""
    rows = [_row(suite, results) for suite in sorted({each.suite for each in results})]
    head = "| suite | versions | on anymq | on the real peer |\n|---|---|---|---|\n"
    return head + "".join(rows) + "\n" + _exceptions(results)


def _row(suite: str, results: Sequence[Result]) -> str:
    ours = [each for each in results if each.suite == suite and each.broker.startswith("anymq")]
    peers = [each for each in results if each.suite == suite and each not in ours]
    versions = (ours or peers)[0].versions
    return f"| {suite} | {versions} | {_counts(ours)} | {_counts(peers)} |\n"


def _counts(results: Sequence[Result]) -> str:
    if not results:
        return "not run"
    result = results[0]
    skipped = f", {result.count('skipped')} skipped" if result.count("skipped") else ""
    total = result.count("passed") + result.count("failed")
    return f"{result.broker}: {result.count('passed')} of {total} pass{skipped}"


def _exceptions(results: Sequence[Result]) -> str:
    reasons = tomllib.loads(REASONS.read_text())
    lines = ["| test | on | why it does not pass |\n|---|---|---|\n"]
    for result in results:
        for case in result.cases:
            if case.outcome == "failed":
                reason = reasons.get(result.suite, {}).get(case.name) or f"? {case.detail}"
                lines.append(
                    f"| {result.suite}: {case.name} | {result.broker} | {_cell(reason)} |\n"
                )
    return "".join(lines) if len(lines) > 1 else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
