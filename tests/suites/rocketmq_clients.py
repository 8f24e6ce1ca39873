"""RocketMQ's Java clients of 4.9 and 5 and its mqadmin, as programs that judge any broker.

The programs are ours, in rocketmq_java; each check is a promise that users of the clients rely on,
and was made to hold with Apache RocketMQ first. The clients come by Maven.
"""

import atexit
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers import maven
from tests.peers.anymq import AnymqServer, Value
from tests.peers.process import free_ports
from tests.peers.rocketmq import EVERYTHING, RocketmqServer
from tests.suites.javac import compile_java
from tests.suites.result import DETAIL_CHARS, Case, Result
from tests.suites.rocketmq_steps import Step, steps

SOURCES = Path(__file__).with_name("rocketmq_java")
VERSION_4, VERSION_5, VERSION_GRPC = "4.9.8", "5.5.0", "5.1.0"
ARTIFACTS = {
    "rocketmq-java-4": [
        f"org.apache.rocketmq:rocketmq-{name}:{VERSION_4}" for name in ("client", "acl")
    ],
    "rocketmq-java-5": [
        f"org.apache.rocketmq:rocketmq-{name}:{VERSION_5}" for name in ("client", "tools")
    ],
    "rocketmq-java-grpc": [f"org.apache.rocketmq:rocketmq-client-java:{VERSION_GRPC}"],
}
FLAGS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
PROGRAM_SECONDS, STEP_SECONDS = 900, 60
COMMON = ("Harness", "Room", "Checks")
SUPER_USER, PASSWORD = "root", "a-secret"
CHECK = re.compile(r"^CHECK\t(passed|failed)\t([^\t]*)\t(.*)$", re.MULTILINE)
END = "MQADMIN\tend\n"

# Both are asked about open transactions every second: else each check of that takes a minute.
# On a busy machine Apache RocketMQ refuses what it did not get at within 200 ms.
QUICK = {
    "transactionCheckInterval": "1000",
    "transactionTimeOut": "1000",
    "waitTimeMillsInSendQueue": "30000",
}
OURS_QUICK: Mapping[str, Value] = {
    "transactions.check_interval_ms": 1000,
    "transactions.check_after_ms": 1000,
}
_AUTH = "org.apache.rocketmq.auth"
SIGNED = {
    "authenticationEnabled": "true",
    "authorizationEnabled": "true",
    "authenticationProvider": f"{_AUTH}.authentication.provider.DefaultAuthenticationProvider",
    "authenticationMetadataProvider": (
        f"{_AUTH}.authentication.provider.LocalAuthenticationMetadataProvider"
    ),
    "authorizationProvider": f"{_AUTH}.authorization.provider.DefaultAuthorizationProvider",
    "authorizationMetadataProvider": (
        f"{_AUTH}.authorization.provider.LocalAuthorizationMetadataProvider"
    ),
    "initAuthenticationUser": f'{{"username":"{SUPER_USER}","password":"{PASSWORD}"}}',
    "innerClientAuthenticationCredentials": (
        f'{{"accessKey":"{SUPER_USER}","secretKey":"{PASSWORD}"}}'
    ),
}
OURS_SIGNED: Mapping[str, Value] = {
    "rocketmq.require_login": True,
    f"users.{SUPER_USER}": PASSWORD,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A running broker, and where it is."""

    name: str
    broker_name: str
    name_server: str
    broker: str
    grpc: str


@contextmanager
def a_broker(peer: str, *, signed: bool = False) -> Iterator[Place]:
    """Start ours or Apache RocketMQ, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="suite-", ignore_cleanup_errors=True) as folder:
        start = _ours if peer == "anymq" else _apache
        with start(Path(folder), signed) as place:
            yield place


@contextmanager
def _ours(folder: Path, signed: bool) -> Iterator[Place]:
    name_server, broker, grpc = free_ports(3)
    settings: dict[str, Value] = {
        "rocketmq.port": broker,
        "rocketmq.nameserver_port": name_server,
        "rocketmq.grpc_port": grpc,
        **OURS_QUICK,
        **(OURS_SIGNED if signed else {}),
    }
    server = AnymqServer(folder, settings)
    try:
        server.start()
        ports = [f"127.0.0.1:{port}" for port in (name_server, broker, grpc)]
        yield Place(f"{server.name} {server.version}", "anymq", *ports)
    finally:
        server.stop()


@contextmanager
def _apache(folder: Path, signed: bool) -> Iterator[Place]:
    # Started with its proxy, it takes one port for its slaves, always the same.
    slaves = {"haListenPort": str(free_ports(1)[0])}
    settings = {**EVERYTHING, **QUICK, **slaves, **(SIGNED if signed else {})}
    server = RocketmqServer(folder, settings, heap="512m", proxy=True)
    try:
        server.start()
        ports = [f"127.0.0.1:{port}" for port in (server.port, server.grpc_port)]
        yield Place(f"{server.name} {server.version}", "peer", server.bootstrap, *ports)
    finally:
        server.stop()


# Java


def _classes(jars: str, sources: Sequence[str], *more_jars: str) -> list[str]:
    """Compile our programs with these jars; return the flags that find it all."""
    folders = [maven.jars(each, ARTIFACTS[each]) for each in (jars, *more_jars)]
    path = os.pathsep.join(f"{folder}/*" for folder in folders)
    classes = tempfile.mkdtemp(prefix="suite-classes-")
    atexit.register(shutil.rmtree, classes, ignore_errors=True)
    compile_java([SOURCES / f"{name}.java" for name in sources], path, classes)
    return ["-cp", f"{classes}{os.pathsep}{path}"]


def _java(home: str, path: Sequence[str], main: str, *argv: str) -> list[str]:
    """The command line of a program. What its client notes and logs goes below `home`."""
    home_flags = (f"-Duser.home={home}", f"-Drocketmq.client.localOffsetStoreDir={home}/offsets")
    return [maven.java(), *FLAGS, *home_flags, *path, main, *argv]


def _checks(path: Sequence[str], main: str, *argv: str) -> tuple[Case, ...]:
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            _java(home, path, main, *argv),
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )
    found = [
        Case(name, "passed" if outcome == "passed" else "failed", detail[:DETAIL_CHARS])
        for outcome, name, detail in CHECK.findall(done.stdout)
    ]
    if done.returncode or not found:
        found.append(Case("the program itself", "failed", done.stderr[-300:]))
    return tuple(sorted(found, key=lambda case: case.name))


def run_java_4(peer: str) -> Result:
    """What users of the client of 4.9 rely on."""
    path = _classes("rocketmq-java-4", COMMON)
    with a_broker(peer) as at:
        begun = time.monotonic()
        cases = _checks(path, "Checks", at.name_server)
        versions = f"rocketmq-client {VERSION_4}"
        return Result("rocketmq-java-4.9", versions, at.name, time.monotonic() - begun, cases)


def run_java_5(peer: str) -> Result:
    """The same with version 5, and what only that can."""
    path = _classes("rocketmq-java-5", (*COMMON, "Checks5"))
    with a_broker(peer) as at:
        begun = time.monotonic()
        cases = _checks(path, "Checks", at.name_server)
        cases += _checks(path, "Checks5", at.name_server, at.broker)
        versions = f"rocketmq-client {VERSION_5}"
        return Result("rocketmq-java-5", versions, at.name, time.monotonic() - begun, cases)


def run_acl(peer: str) -> Result:
    """Users that sign, and policies."""
    path = _classes("rocketmq-java-5", (*COMMON, "ChecksAcl"))
    with a_broker(peer, signed=True) as at:
        begun = time.monotonic()
        cases = _checks(path, "ChecksAcl", at.name_server, at.broker, SUPER_USER, PASSWORD)
        versions = f"rocketmq-client {VERSION_5}"
        return Result("rocketmq-acl", versions, at.name, time.monotonic() - begun, cases)


def run_grpc(peer: str) -> Result:
    """What users of the client that speaks gRPC rely on."""
    path = _classes("rocketmq-java-grpc", ("Harness", "ChecksGrpc"), "rocketmq-java-5")
    with a_broker(peer) as at:
        begun = time.monotonic()
        cases = _checks(path, "ChecksGrpc", at.name_server, at.broker, at.grpc)
        versions = f"rocketmq-client-java {VERSION_GRPC}"
        return Result("rocketmq-java-grpc", versions, at.name, time.monotonic() - begun, cases)


# mqadmin


def run_mqadmin(peer: str) -> Result:
    """Common commands, as one session in which each step expects its answer."""
    path = _classes("rocketmq-java-5", ("Mqadmin",))
    with a_broker(peer) as at, tempfile.TemporaryDirectory() as home:
        begun = time.monotonic()
        session = _Session(_java(home, path, "Mqadmin"))
        words = {"NS": at.name_server, "BR": at.broker, "NAME": at.broker_name, "HOME": home}
        try:
            cases = tuple(_take(session, step, words) for step in steps())
        finally:
            session.close()
        versions = f"rocketmq-tools {VERSION_5}"
        return Result("rocketmq-mqadmin", versions, at.name, time.monotonic() - begun, cases)


def _take(session: "_Session", step: Step, words: Mapping[str, str]) -> Case:
    command = [_filled(word, words) for word in step.command.split()]
    said = session.say(command)
    if said is None:
        return Case(step.command, "failed", f"no end after {STEP_SECONDS} s")
    for wanted in step.says:
        if not re.search(_filled(wanted, words), said):
            return Case(step.command, "failed", f"{wanted!r} is not in {said.strip()[-200:]!r}")
    return Case(step.command, "passed")


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\b(NS|BR|NAME|HOME)\b", lambda found: words[found[1]], text)


class _Session:
    """mqadmin in one Java, which takes a second to start."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def say(self, command: Sequence[str]) -> str | None:
        """Run a command, and return what it says; None: it does not end."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(command) + "\n")
        self._process.stdin.flush()
        said: list[str] = []
        ends = time.monotonic() + STEP_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                return None
            if line == END:
                return "".join(said)
            said.append(line)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


SUITES: dict[str, Callable[[str], Result]] = {
    "rocketmq-java-4.9": run_java_4,
    "rocketmq-java-5": run_java_5,
    "rocketmq-acl": run_acl,
    "rocketmq-mqadmin": run_mqadmin,
    "rocketmq-java-grpc": run_grpc,
}
