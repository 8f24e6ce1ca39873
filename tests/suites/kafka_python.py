"""kafka-python's own integration tests, from its source package: pinned, with its hash."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.suites.pytest_suite import SUITES_ROOT, SuiteUnavailable, run
from tests.suites.result import Result

NAME = "kafka-python"
VERSION = "3.0.12"
SHA256 = "4ccda3616b9aa5c353d74a97f2770d6cd1b950890d77ab0e8890e09a48eeed65"
FETCH_SECONDS = 300
# The newest broker the suite knows of; it decides which tests it runs.
KAFKA_VERSION = "4.3.0"
PATHS = tuple(
    f"test/integration/test_{each}_integration.py" for each in ("admin", "consumer", "producer")
)

# The package lacks one file of the tests: what starts brokers, which they have no use for here.
STAND_IN = """
class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    def close(self):
        pass


class SpawnedService:
    pass
"""


def run_on(bootstrap: str, broker: str) -> Result:
    """The three files that need no broker of their own."""
    folder = fetched()
    (folder / "empty").mkdir(exist_ok=True)
    env = {
        "KAFKA_VERSION": KAFKA_VERSION,
        "KAFKA_URI": f"kafka://{bootstrap}",
        "KAFKA_ROOT": str(folder / "empty"),
        "PYTHONPATH": str(folder),
    }
    return run(NAME, VERSION, broker, folder=folder, paths=PATHS, env=env)


def fetched() -> Path:
    """The folder with its tests, and only these: what they test is what is installed."""
    folder = SUITES_ROOT / f"{NAME}-{VERSION}"
    if not (folder / "test").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _unpack_tests(_download(folder), folder)
    return folder


def _download(folder: Path) -> Path:
    pinned = folder / "pinned.txt"
    pinned.write_text(f"{NAME}=={VERSION} --hash=sha256:{SHA256}\n")
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    argv += ["--no-binary", ":all:", "--dest", str(folder), "-r", str(pinned)]
    # Its build must not see what we put on the path of our own programs.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        argv, env=env, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
    )
    if done.returncode:
        raise SuiteUnavailable(f"pip could not fetch {NAME}: {done.stderr.strip()[-300:]}")
    return next(folder.glob("*.tar.gz"))


def _unpack_tests(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (unpacked,) = folder.glob(f"*{VERSION}/")
    (unpacked / "test").rename(folder / "test")
    (folder / "test" / "__init__.py").touch()  # or Python's own `test` is found instead
    (folder / "test" / "service.py").write_text(STAND_IN)
    shutil.rmtree(unpacked)
