"""Run a foreign pytest suite from a folder outside version control."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.suites.result import Case, Result, from_junit

SUITES_ROOT = Path(__file__).parents[2] / ".suites"
TEST_SECONDS = 90
SUITE_SECONDS = 1800


class SuiteUnavailable(Exception):
    """It cannot run here; the message says why, in one line."""


def run(
    suite: str,
    versions: str,
    broker: str,
    *,
    folder: Path,
    paths: Sequence[str],
    env: Mapping[str, str],
    python: str = sys.executable,
    settings: str = "",
) -> Result:
    """All tests below `paths`, each at most `TEST_SECONDS`. `settings`: lines of its pytest.ini."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    (folder / "pytest.ini").write_text(f"[pytest]\n{settings}")  # or it would find our settings
    options = ["-q", "-c", "pytest.ini", "-p", "no:cacheprovider"]
    argv = [python, "-m", "pytest", *options, f"--timeout={TEST_SECONDS}", f"--junitxml={report}"]
    begun = time.monotonic()
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(
            [*argv, *paths],
            cwd=folder,
            env={**os.environ, **env},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=SUITE_SECONDS,
            check=False,
        )
    cases = from_junit(report) if report.is_file() else (_unrun(folder),)
    return Result(suite, versions, broker, time.monotonic() - begun, cases)


def _unrun(folder: Path) -> Case:
    last = (folder / "output.txt").read_text(errors="replace")[-200:]
    return Case("the suite itself", "failed", f"it did not come to its end: {last}")
