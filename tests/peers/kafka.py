"""Apache Kafka, one combined KRaft node on loopback: the peer for conformance and for measure."""

import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers import maven
from tests.peers.process import Controlled, ServerFailed, ServerProcess, free_ports
from tests.peers.security import Security
from tests.peers.wire import is_ready

VERSION = "4.3.1"
ARTIFACTS = (
    f"org.apache.kafka:kafka_2.13:{VERSION}",
    f"org.apache.kafka:kafka-tools:{VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)
CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
START_SECONDS = 120.0
# As the project's own start script sets them, without the log of the collector.
SERVER_FLAGS = ("-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true")
LOG4J = """
status = error
rootLogger.level = WARN
rootLogger.appenderRef.stdout.ref = STDOUT
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
"""
# One node instead of three, and quick groups: what a person sets to try Kafka on a laptop.
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
}


@dataclass(slots=True)
class KafkaServer(Controlled):
    """Start, know, stop one Apache Kafka. Data goes to `folder`, which the caller removes."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    security: Security | None = None
    cpus: Iterable[int] | None = None
    heap: str = "1g"
    name: str = "Apache Kafka"
    version: str = VERSION
    bootstrap: str = ""
    _process: ServerProcess | None = None

    def start(self) -> "KafkaServer":
        """Start, and wait until it takes requests.

        After a stop or a kill it starts again on the same data and ports.
        """
        self.launch()
        self._running().wait_until(self._is_ready, START_SECONDS)
        return self

    def launch(self) -> None:
        """Start it, and do not wait. The storage is formatted once."""
        properties = self.folder / "server.properties"
        if not properties.exists():
            port, controller_port = free_ports(2)
            self.bootstrap = f"127.0.0.1:{port}"
            properties.write_text(self._properties(controller_port))
            self._format(properties)
        self._process = ServerProcess(
            self._java(SERVER_FLAGS, "kafka.Kafka", str(properties)),
            self.folder / "server.log",
            cpus=self.cpus,
        )

    def _is_ready(self) -> bool | None:
        if self.security is not None:
            return self._says_started()
        return is_ready(int(self.bootstrap.rpartition(":")[2])) or None

    def _says_started(self) -> bool | None:
        return "Kafka Server started" in self._running().output() or None

    def _properties(self, controller_port: int) -> str:
        protocol = self.security.protocol if self.security else "PLAINTEXT"
        node_id = self.settings.get("node.id", SINGLE_NODE["node.id"])
        values = {
            **SINGLE_NODE,
            "listeners": f"CLIENTS://{self.bootstrap},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"CLIENTS://{self.bootstrap}",
            "listener.security.protocol.map": f"CLIENTS:{protocol},CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENTS",
            "controller.quorum.voters": f"{node_id}@127.0.0.1:{controller_port}",
            "log.dirs": str(self.folder / "data"),
            **(self.security.kafka_properties(self.folder) if self.security else {}),
            **self.settings,
        }
        return "".join(f"{key}={value}\n" for key, value in values.items())

    def _format(self, properties: Path) -> None:
        argv = ["format", "-t", CLUSTER_ID, "-c", str(properties), "--ignore-formatted"]
        for scram in self.security.kafka_scram() if self.security else ():
            argv += ["--add-scram", scram]
        done = subprocess.run(
            self._java((), "kafka.tools.StorageTool", *argv),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"formatting failed: {done.stdout}{done.stderr}")

    def _java(self, flags: Sequence[str], main: str, *argv: str) -> list[str]:
        log4j = self.folder / "log4j2.properties"
        log4j.write_text(LOG4J + STARTED_LOGGER)
        heap = (f"-Xmx{self.heap}", f"-Xms{self.heap}") if flags else ()
        return java_command(
            main, *argv, flags=(*heap, *flags, f"-Dlog4j2.configurationFile={log4j}")
        )


# The one line a secured listener is waited for: nobody may ask it anything before logging in.
STARTED_LOGGER = """
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = INFO
"""


def java_command(main: str, *argv: str, flags: Sequence[str] = ()) -> list[str]:
    """The command line of any program in Kafka's jars: the server or one of its tools."""
    return [maven.java(), *flags, "-cp", f"{maven.jars('kafka', ARTIFACTS)}/*", main, *argv]


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Where one server lives, and which disappears with it."""
    return tempfile.TemporaryDirectory(prefix="kafka-peer-", ignore_cleanup_errors=True)
