"""STOMP: the suite of RabbitMQ's plugin, and stomp.py's own tests.

Both are in no package: ANYMQ_SUITE_RABBITMQ and ANYMQ_SUITE_STOMP_PY name checkouts of their
repositories, or bare ones.
"""

import io
import os
import shlex
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import anymq
from tests.peers.anymq import AnymqServer, Value
from tests.peers.process import free_ports
from tests.suites.pytest_suite import SUITES_ROOT, SuiteUnavailable, run
from tests.suites.result import Result
from tests.suites.source_package import environment

PYTEST = ("pytest==8.4.2", "pytest-timeout==2.4.0")
MIB = 1024 * 1024

RABBITMQ, RABBITMQ_VARIABLE = "rabbitmq-stomp", "ANYMQ_SUITE_RABBITMQ"
RABBITMQ_TESTS = "deps/rabbitmq_stomp/test/python_SUITE_data/src"
RABBITMQ_NEEDS = (*PYTEST, "stomp.py==8.2.0", "pika==1.3.2", "rabbitman==0.1.0")
# What its main_runner.py names.
RABBITMQ_MODULES = (
    *("parsing", "errors", "connect_disconnect", "ack", "amqp_headers", "queue_properties"),
    *("reliability", "transactions", "x_queue_name", "destinations", "redelivered"),
    *("topic_permissions", "unsubscribe", "x_queue_type_quorum", "x_queue_type_stream"),
)
# They let Erlang switch a default user on, which is always on here: `stomp.anonymous`.
CTL = '#!/bin/sh\nshift 2\n[ "$1" = eval ] && exit 0\nexec {python} -m anymq rabbitmqctl "$@"\n'

STOMP_PY, STOMP_PY_VARIABLE = "stomp.py", "ANYMQ_SUITE_STOMP_PY"
STOMP_PY_PORT = 61613  # some of them take it for granted
STOMP_PY_NEEDS = (*PYTEST, "stomp.py==8.2.0", "pytest-mock==3.14.0", "pytest-ordering==0.6")
STOMP_PY_TESTS = (
    *("basic", "s10", "s11", "s12", "ss", "context", "misc", "nonascii", "threading"),
    *("activemq", "artemis", "rabbitmq", "transport", "utils", "override_threading"),
    *("cli", "multicast"),
)


def run_rabbitmq() -> Result:
    """What its main_runner.py runs."""
    folder = _checkout(RABBITMQ, RABBITMQ_VARIABLE, RABBITMQ_TESTS)
    tests = folder / RABBITMQ_TESTS
    stomp, amqp, management = free_ports(3)
    settings: dict[str, Value] = {
        "stomp.port": stomp,
        "stomp.body_bytes_max": 17 * MIB,  # its own broker is told the same
        "amqp.port": amqp,
        "management.port": management,
    }
    ctl = folder / "rabbitmqctl"
    ctl.write_text(CTL.format(python=shlex.quote(sys.executable)))
    ctl.chmod(0o700)
    with _broker(settings) as broker:
        return run(
            RABBITMQ,
            _commit(folder),
            broker,
            folder=tests,
            paths=[f"{name}.py" for name in RABBITMQ_MODULES],
            env={
                "STOMP_PORT": str(stomp),
                "AMQP_PORT": str(amqp),
                "MGMT_PORT": str(management),
                "RABBITMQCTL": str(ctl),
                "RABBITMQ_NODENAME": "anymq",
                "ANYMQ_URL": f"http://127.0.0.1:{management}",
                "PYTHONPATH": str(Path(anymq.__file__).parents[1]),
            },
            python=environment(folder, RABBITMQ_NEEDS),
            settings="python_files = *.py\n",
        )


def run_stomp_py() -> Result:
    """All but those of TLS, IPv6 and WebSocket, which want containers."""
    folder = _checkout(STOMP_PY, STOMP_PY_VARIABLE, "tests")
    [activemq] = free_ports(1)
    settings: dict[str, Value] = {
        "stomp.port": STOMP_PY_PORT,
        "stomp.activemq_port": activemq,
        "users.admin": "password",
        "users.guest": "guest",
    }
    # Most of them are written for ActiveMQ: they meet its dialect.
    ports = {
        **dict.fromkeys(("STD", "ARTEMIS"), activemq),
        **dict.fromkeys(("RABBITMQ", "STOMPSERVER"), STOMP_PY_PORT),
    }
    env = {f"{kind}_PORT": str(port) for kind, port in ports.items()}
    env |= {f"{kind}_HOST": "127.0.0.1" for kind in ports}
    for kind in ("STD", "ARTEMIS"):
        env |= {f"{kind}_USER": "admin", f"{kind}_PASSWORD": "password"}
    with _broker(settings) as broker:
        return run(
            STOMP_PY,
            _commit(folder),
            broker,
            folder=folder,
            paths=[f"tests/test_{name}.py" for name in STOMP_PY_TESTS],
            env=env,
            python=environment(folder, STOMP_PY_NEEDS),
        )


SUITES: Mapping[str, Callable[[], Result]] = {RABBITMQ: run_rabbitmq, STOMP_PY: run_stomp_py}


@contextmanager
def _broker(settings: Mapping[str, Value]) -> Iterator[str]:
    """A broker with these settings, by its name and version."""
    with tempfile.TemporaryDirectory() as folder:
        server = AnymqServer(Path(folder), settings=settings)
        try:
            server.start()
        except Exception as error:
            server.stop()
            raise SuiteUnavailable(f"the broker did not start: {error}"[:300]) from error
        try:
            yield f"{server.name} {server.version}"
        finally:
            server.stop()


def _checkout(name: str, variable: str, path: str) -> Path:
    root = SUITES_ROOT / name
    if (root / "commit").is_file():
        return root
    source = os.environ.get(variable)
    if not source:
        raise SuiteUnavailable(f"{variable} names no checkout of its repository")
    git = ["git", "-C", source]
    archive = subprocess.run([*git, "archive", "HEAD", path], capture_output=True, check=False)
    if archive.returncode:
        raise SuiteUnavailable(f"{variable}: {archive.stderr.decode().strip()}")
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(root, filter="data")
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, check=True)
    (root / "commit").write_bytes(head.stdout)
    return root


def _commit(folder: Path) -> str:
    return (folder / "commit").read_text().strip()
