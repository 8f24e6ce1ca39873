"""confluent-kafka-python's integration tests, from a checkout that the caller has.

Its repository is no package, so nothing fetches it: ANYMQ_SUITE_CONFLUENT_KAFKA names a
checkout, or a bare repository. Only its folder `tests` is used, with the released client.
"""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.suites.pytest_suite import SUITES_ROOT, SuiteUnavailable, run
from tests.suites.result import Result

NAME = "confluent-kafka"
VARIABLE = "ANYMQ_SUITE_CONFLUENT_KAFKA"
VERSION = "2.15.0"
# Its own requirements, without those of the schema registry's encryption.
REQUIREMENTS = (
    f"confluent-kafka=={VERSION}",
    "pytest==8.4.2",
    "pytest-timeout==2.4.0",
    "pytest-asyncio==1.4.0",
    "attrs",
    "authlib",
    "avro",
    "cachetools",
    "fastavro",
    "googleapis-common-protos",
    "httpx",
    "jsonschema",
    "orjson",
    "protobuf",
    "requests",
)
PATHS = tuple(f"tests/integration/{each}" for each in ("admin", "consumer", "producer"))
SETUP_SECONDS = 600


def run_on(bootstrap: str, broker: str) -> Result:
    """Admin, consumer, producer; what starts clusters of its own fails for want of them."""
    folder = SUITES_ROOT / NAME
    _checkout(folder)
    python = _environment(folder)
    versions = f"{VERSION}, tests of {_commit(folder)}"
    env = {"BROKERS": bootstrap}
    return run(NAME, versions, broker, folder=folder, paths=PATHS, env=env, python=python)


def _checkout(folder: Path) -> None:
    source = os.environ.get(VARIABLE)
    if not source:
        if (folder / "tests").is_dir():
            return
        raise SuiteUnavailable(f"{VARIABLE} names no checkout of its repository")
    git = ["git", "-C", source]
    archive = subprocess.run([*git, "archive", "HEAD", "tests"], capture_output=True, check=False)
    if archive.returncode:
        raise SuiteUnavailable(f"{VARIABLE}={source}: {archive.stderr.decode().strip()}")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, check=True)
    (folder / "commit").write_bytes(head.stdout)
    _stand_in_for_trivup(folder)


def _stand_in_for_trivup(folder: Path) -> None:
    """The tests import what starts clusters, and with BROKERS never call it."""
    clusters = folder / "trivup" / "clusters"
    clusters.mkdir(parents=True, exist_ok=True)
    for file in (clusters.parent / "__init__.py", clusters / "__init__.py"):
        file.touch()
    (clusters / "KafkaCluster.py").write_text("class KafkaCluster: ...\n")


def _environment(folder: Path) -> str:
    python = folder / "venv" / "bin" / "python"
    stamp = folder / "venv" / "requirements"
    if stamp.is_file() and stamp.read_text() == "\n".join(REQUIREMENTS):
        return str(python)
    _call(sys.executable, "-m", "venv", "--clear", str(folder / "venv"))
    _call(str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS)
    stamp.write_text("\n".join(REQUIREMENTS))
    return str(python)


def _call(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SETUP_SECONDS, check=False)
    if done.returncode:
        raise SuiteUnavailable(f"its environment cannot be made: {done.stderr.strip()[-300:]}")


def _commit(folder: Path) -> str:
    return (folder / "commit").read_text().strip()
