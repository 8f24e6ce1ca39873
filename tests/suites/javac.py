"""Javac: Java programs and tests are compiled for a suite."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.suites.pytest_suite import SuiteUnavailable

COMPILE_SECONDS = 120


def compile_java(sources: Sequence[Path], class_path: str, folder: str | Path) -> None:
    """Compile these into a folder. SuiteUnavailable."""
    compiler = shutil.which("javac")
    if compiler is None:
        raise SuiteUnavailable("no javac on PATH: nothing can be compiled")
    options = ["-nowarn", "-encoding", "UTF-8", "-d", str(folder), "-cp", class_path]
    done = subprocess.run(
        [compiler, *options, *map(str, sources)],
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SuiteUnavailable(f"javac: {done.stderr[-500:]}")
