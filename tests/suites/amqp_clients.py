"""Test suites of AMQP clients for Python: py-amqp, kombu and aiormq from their source packages.

The first two run with what is installed here, whose versions theirs are.

pika's is in no package: ANYMQ_SUITE_PIKA names a checkout, or a bare repository. Its tests know
what is not released yet, so they run with the client beside them.
"""

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.suites.pytest_suite import SUITES_ROOT, SuiteUnavailable, run
from tests.suites.result import Result
from tests.suites.source_package import SourcePackage, environment

Suite = Callable[[int, str], Result]
PY_AMQP = SourcePackage(
    "amqp", "5.4.2", "9362660c4a31150cf18e78cae2ce8aa1e929fc6c6739e69f6dd5dbea9c3edc82"
)
KOMBU = SourcePackage(
    "kombu", "5.7.0", "31e62fdfd2381caa3422f8e02b84a491d9a2180ddda74507b57f4cb1e1c2c2c9"
)
AIORMQ = SourcePackage(
    "aiormq", "7.2.4", "5fd20bb9583d73de85572198496b65cf028f27527c1733c9840d458e0b40e8fa"
)
PIKA_VARIABLE = "ANYMQ_SUITE_PIKA"
PIKA_PORT = "5672"  # they take it for granted
PYTEST = ("pytest==8.4.2", "pytest-timeout==2.4.0", "pytest-xdist==3.8.0")
NO_TLS = ("-k", "not tls and not amqps and not external")
MARKERS = "markers =\n    env: which broker it needs\n    flaky: may fail once\n    slow: slow\n"
CELERY = f"{MARKERS}python_classes = test_* Test*\n"  # how py-amqp and kombu call theirs
# aiormq's own starts RabbitMQ in a container, and says where it is.
AIORMQ_CONFTEST = """
import os
from types import SimpleNamespace

import pytest
from yarl import URL


@pytest.fixture
def amqp_direct_url():
    return URL(os.environ["AMQP_URL"])


@pytest.fixture
def rabbitmq_container():
    return SimpleNamespace(ports={"5671/tcp": 1})
"""


def run_py_amqp(port: int, broker: str) -> Result:
    """All of t/integration but what wants certificates of theirs."""
    return run(
        "py-amqp",
        PY_AMQP.version,
        broker,
        folder=PY_AMQP.unpacked("t"),
        paths=("t/integration", *NO_TLS),
        env=_where(port),
        settings=CELERY,
    )


def run_kombu(port: int, broker: str) -> Result:
    """Those with py-amqp."""
    return run(
        "kombu",
        KOMBU.version,
        broker,
        folder=KOMBU.unpacked("t"),
        paths=("t/integration/test_py_amqp.py",),
        env=_where(port),
        settings=CELERY,
    )


def run_aiormq(port: int, broker: str) -> Result:
    """All but what wants certificates of theirs."""
    needs = [f"aiormq=={AIORMQ.version}", "aiomisc-pytest==2.0.0", *PYTEST]
    python = environment(_folder(AIORMQ), needs)
    folder = AIORMQ.unpacked("tests")
    (folder / "conftest.py").write_text(AIORMQ_CONFTEST)
    return run(
        "aiormq",
        AIORMQ.version,
        broker,
        folder=folder,
        paths=("tests", *NO_TLS, "-n", "3"),  # each waits much, and shares nothing
        env={"AMQP_URL": f"amqp://guest:guest@127.0.0.1:{port}/"},
        python=python,
        settings=MARKERS,
    )


def run_pika(port: int, broker: str) -> Result:
    """Its acceptance tests, with our port for theirs."""
    folder = SUITES_ROOT / "pika"
    _checkout(folder)
    for path in (folder / "tests").rglob("*.py"):
        text = path.with_suffix(".orig")
        if not text.exists():
            path.rename(text)
        path.write_text(text.read_text().replace(PIKA_PORT, str(port)))
    needs = [*PYTEST, "tornado==6.5.2", "twisted==25.5.0", "gevent==25.9.1"]
    return run(
        "pika",
        (folder / "commit").read_text().strip(),
        broker,
        folder=folder,
        paths=[str(each.relative_to(folder)) for each in sorted(_acceptance(folder))],
        env={"PYTHONPATH": str(folder)},
        python=environment(folder, needs),
    )


SUITES: dict[str, Suite] = {
    "py-amqp": run_py_amqp,
    "kombu": run_kombu,
    "aiormq": run_aiormq,
    "pika": run_pika,
}


def _acceptance(folder: Path) -> list[Path]:
    return [p for p in (folder / "tests" / "acceptance").glob("*_test*.py") if p.is_file()]


def _folder(package: SourcePackage) -> Path:
    return SUITES_ROOT / f"{package.name}-{package.version}"


def _where(port: int) -> dict[str, str]:
    return {"RABBITMQ_HOST": "127.0.0.1", "RABBITMQ_5672_TCP": str(port)}


def _checkout(folder: Path) -> None:
    source = os.environ.get(PIKA_VARIABLE)
    if not source:
        if (folder / "commit").is_file():
            return
        raise SuiteUnavailable(f"{PIKA_VARIABLE} names no checkout of its repository")
    git = ["git", "-C", source]
    archive = subprocess.run(
        [*git, "archive", "HEAD", "pika", "tests"], capture_output=True, check=False
    )
    if archive.returncode:
        raise SuiteUnavailable(f"{PIKA_VARIABLE}={source}: {archive.stderr.decode().strip()}")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    for path in folder.rglob("*.orig"):
        path.unlink()
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, check=True)
    (folder / "commit").write_bytes(head.stdout)
