"""apache/rocketmq-e2e: RocketMQ's own tests of its Java clients, by remoting and by gRPC.

They are in no package: ANYMQ_SUITE_ROCKETMQ_E2E names a checkout of the repository. Its Maven build
wants an old compiler; here Maven fetches the same jars, and javac and JUnit's launcher do the rest.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.peers import maven
from tests.suites.javac import compile_java
from tests.suites.pytest_suite import SuiteUnavailable
from tests.suites.result import Case, Result, from_junit
from tests.suites.rocketmq_clients import FLAGS, Place, a_broker

VARIABLE = "ANYMQ_SUITE_ROCKETMQ_E2E"
COMMON = (
    "org.junit.jupiter:junit-jupiter-api:5.7.2",
    "org.junit.jupiter:junit-jupiter-engine:5.7.2",
    "org.junit.jupiter:junit-jupiter-params:5.7.2",
    "org.junit.platform:junit-platform-console:1.7.2",
    "org.projectlombok:lombok:1.18.30",  # theirs, 1.18.8, knows no Java after 14
    "org.slf4j:slf4j-api:2.0.0-beta1",
    "ch.qos.logback:logback-classic:1.3.0-beta0",
    "org.awaitility:awaitility:4.0.3",
)
# They wait most of the time, but each has its clients, and a starved client misses its deadlines.
AT_ONCE = 2
SUITE_SECONDS = 3600
QUIET = """<configuration><root level="OFF"/></configuration>"""


@dataclass(frozen=True, slots=True)
class Module:
    """One of the repository's, with the clients that its pom names."""

    name: str
    folder: str
    versions: str
    artifacts: tuple[str, ...]


MODULES = (
    Module(
        "rocketmq-e2e-v4",
        "java/e2e-v4",
        "rocketmq-client 4.9.3",
        (
            *(f"org.apache.rocketmq:rocketmq-{each}:4.9.3" for each in ("client", "acl", "tools")),
            *COMMON,
        ),
    ),
    Module(
        "rocketmq-e2e",
        "java/e2e",
        "rocketmq-client-java 5.0.3",
        (
            "org.apache.rocketmq:rocketmq-client-java:5.0.3",
            *(f"org.apache.rocketmq:rocketmq-{each}:5.0.0" for each in ("acl", "tools")),
            *COMMON,
        ),
    ),
)


def run(module: Module, peer: str) -> Result:
    """All tests of one module."""
    source = _checkout() / module.folder
    jars = maven.jars(module.name, module.artifacts)
    with tempfile.TemporaryDirectory(prefix="suite-", ignore_cleanup_errors=True) as folder:
        # Their settings are found from the working directory.
        shutil.copytree(source / "src", Path(folder, "src"))
        _compile(Path(folder), jars)
        with a_broker(peer) as at:
            begun = time.monotonic()
            cases = _launch(Path(folder), jars, at)
            versions = f"{_commit()}, {module.versions}"
            return Result(module.name, versions, at.name, time.monotonic() - begun, cases)


def _checkout() -> Path:
    source = os.environ.get(VARIABLE)
    if not source:
        raise SuiteUnavailable(f"{VARIABLE} names no checkout of its repository")
    return Path(source)


def _commit() -> str:
    git = ["git", "-C", str(_checkout()), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


def _compile(folder: Path, jars: Path) -> None:
    compile_java(sorted((folder / "src").rglob("*.java")), f"{jars}/*", folder / "classes")
    (folder / "classes" / "logback.xml").write_text(QUIET)


def _in_order(jars: Path) -> list[str]:
    """The client before all others: of what is in it, its tools bring an older copy along."""
    return [*map(str, sorted(jars.glob("rocketmq-client-java-*.jar"))), f"{jars}/*"]


def _launch(folder: Path, jars: Path, at: Place) -> tuple[Case, ...]:
    reports = folder / "reports"
    parallel = "junit.jupiter.execution.parallel"
    options = {
        f"{parallel}.enabled": "true",
        f"{parallel}.mode.default": "concurrent",
        f"{parallel}.config.strategy": "fixed",
        f"{parallel}.config.fixed.parallelism": str(AT_ONCE),
    }
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(
            [maven.java(), *FLAGS, "-Xmx768m", f"-Duser.home={folder}"]
            + [f"-DnamesrvAddr={at.name_server}", f"-DendPoint={at.grpc}"]
            + ["-cp", os.pathsep.join([str(folder / "classes"), *_in_order(jars)])]
            + ["org.junit.platform.console.ConsoleLauncher", "--details=none"]
            + [f"--scan-classpath={folder / 'classes'}", f"--reports-dir={reports}"]
            + [f"--config={key}={value}" for key, value in options.items()],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=SUITE_SECONDS,
            check=False,
        )
    found = [case for path in sorted(reports.glob("*.xml")) for case in from_junit(path)]
    if not found:
        said = (folder / "output.txt").read_text(errors="replace")[-300:]
        found.append(Case("the suite itself", "failed", said))
    return tuple(sorted(found, key=lambda case: case.name))


SUITES: dict[str, Callable[[str], Result]] = {
    module.name: partial(run, module) for module in MODULES
}
