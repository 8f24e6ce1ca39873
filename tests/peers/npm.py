"""Clients from npm: installed by their lock file into a folder that git does not see."""

import contextlib
import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

SUITES_ROOT = Path(__file__).parents[2] / ".suites"
INSTALL_SECONDS = 120
TALK_SECONDS = 40


class NpmUnavailable(Exception):
    """It cannot run here; the message says why, in one line."""


def installed(name: str, project: Path) -> Path:
    """The folder `node_modules` of a project: each package has the hash it is known by."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NpmUnavailable(f"no node and npm on PATH: {name} cannot run")
    folder = SUITES_ROOT / f"node-{name}"
    SUITES_ROOT.mkdir(parents=True, exist_ok=True)
    with _alone(SUITES_ROOT / f"node-{name}.lock"):
        folder.mkdir(exist_ok=True)
        lock = project / "package-lock.json"
        done = folder / "installed.json"
        if not (done.is_file() and done.read_bytes() == lock.read_bytes()):
            _install(name, project, folder)
            shutil.copy(lock, done)
    return folder / "node_modules"


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Other workers of this test run wait: two installing at once take away what one has."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(name: str, project: Path, folder: Path) -> None:
    for file in ("package.json", "package-lock.json"):
        shutil.copy(project / file, folder)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(folder)
        raise NpmUnavailable(f"npm could not install {name}: {done.stderr.strip()[:200]}")


def talk(node_modules: Path, script: Path, *argv: str) -> str:
    """Run a script with these packages; return what it printed."""
    done = subprocess.run(
        ["node", str(script), *argv],
        env={"NODE_PATH": str(node_modules), "KAFKAJS_NO_PARTITIONER_WARNING": "1"},
        executable=shutil.which("node"),
        capture_output=True,
        text=True,
        timeout=TALK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
