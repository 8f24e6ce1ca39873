"""Suites that are in a source package of PyPI: pinned, with its hash."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.suites.pytest_suite import SUITES_ROOT, SuiteUnavailable

FETCH_SECONDS = 300
SETUP_SECONDS = 600


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """One version of one package."""

    name: str
    version: str
    sha256: str

    def unpacked(self, tests: str) -> Path:
        """The folder with its `tests`, and only that: what is tested is what is installed."""
        folder = SUITES_ROOT / f"{self.name}-{self.version}"
        if not (folder / tests).is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            with tarfile.open(self._download(folder)) as tar:
                tar.extractall(folder, filter="data")
            (unpacked,) = folder.glob(f"*{self.version}/")
            (unpacked / tests).rename(folder / tests)
            shutil.rmtree(unpacked)
        return folder

    def _download(self, folder: Path) -> Path:
        pinned = folder / "pinned.txt"
        pinned.write_text(f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n")
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        argv += ["--require-hashes", "--no-binary", self.name, "--dest", str(folder)]
        call([*argv, "-r", str(pinned)], FETCH_SECONDS, f"pip could not fetch {self.name}")
        return next(folder.glob("*.tar.gz"))


def environment(folder: Path, requirements: Sequence[str]) -> str:
    """A Python of its own in this folder, with these packages; made again when they change."""
    python = folder / "venv" / "bin" / "python"
    stamp = folder / "venv" / "requirements"
    if stamp.is_file() and stamp.read_text() == "\n".join(requirements):
        return str(python)
    why = "its environment cannot be made"
    call([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], SETUP_SECONDS, why)
    argv = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    call(argv, SETUP_SECONDS, why)
    stamp.write_text("\n".join(requirements))
    return str(python)


def call(argv: Sequence[str], timeout: float, why: str) -> None:
    """Run it; SuiteUnavailable, with its last words, when it fails."""
    # What we put on the path of our own programs is not for others.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(argv), env=env, capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        raise SuiteUnavailable(f"{why}: {done.stderr.strip()[-300:]}")
