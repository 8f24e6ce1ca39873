"""Our own broker as a child process, as a user starts it."""

import os
import re
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anymq
from tests.peers.process import Controlled, ServerProcess, free_ports
from tests.peers.security import Security
from tests.peers.wire import is_ready

START_SECONDS = 60.0  # who takes longer does not start
READY = re.compile(r"\b(kafka|amqp)\D*?(?:127\.0\.0\.1|localhost):(\d+)", re.IGNORECASE)
RELOADED = "the settings were reloaded"
Value = str | int | bool


@dataclass(slots=True)
class AnymqServer(Controlled):
    """Start, know, stop one anymq. Data goes to `folder`, which the caller removes.

    `settings` are keys of the configuration file with their section: {"topics.partitions": 2}.
    """

    folder: Path
    settings: Mapping[str, Value] = field(default_factory=dict)
    security: Security | None = None
    cpus: Iterable[int] | None = None
    env: Mapping[str, str] | None = None  # beside what we have
    name: str = "anymq"
    version: str = anymq.__version__
    bootstrap: str = ""
    amqp_port: int = 0
    _process: ServerProcess | None = None

    def start(self) -> "AnymqServer":
        """Start it on free ports and wait until it takes requests.

        After a stop or a kill it starts again on the same data and, for clients that are still
        connected, on the same port.
        """
        if not self.bootstrap:
            port, self.amqp_port = free_ports(2)
            self.bootstrap = f"127.0.0.1:{port}"
        self.launch()
        port = self._running().wait_until(self._port, START_SECONDS)
        self.bootstrap = f"127.0.0.1:{port}"
        if self.security is None:
            self._running().wait_until(lambda: is_ready(port) or None, START_SECONDS)
        return self

    def launch(self) -> None:
        """Start it, and do not wait."""
        log_path = self.folder / "server.log"
        log_path.unlink(missing_ok=True)
        config = self.folder / "anymq.toml"
        config.write_text(self._toml())
        self._process = ServerProcess(
            [sys.executable, "-m", "anymq", "serve", "--config", str(config)],
            log_path,
            env=self.env,
            cpus=self.cpus,
        )

    def reload(self, settings: Mapping[str, Value]) -> None:
        """Give it these settings as well, while it runs, and wait until it has them."""
        said = self._running().output().count(RELOADED)
        self.settings = {**self.settings, **settings}
        (self.folder / "anymq.toml").write_text(self._toml())
        os.kill(self.pid, signal.SIGHUP)
        self._running().wait_until(
            lambda: self._running().output().count(RELOADED) > said or None, START_SECONDS
        )

    def _port(self) -> int | None:
        """Kafka's, when it is ready; and AMQP's is known from then on."""
        ports = {name.lower(): int(port) for name, port in READY.findall(self._running().output())}
        self.amqp_port = ports.get("amqp", 0)
        return ports.get("kafka")

    def _toml(self) -> str:
        port = int(self.bootstrap.rpartition(":")[2] or 0)
        values: dict[str, Value | list[str]] = {
            "server.data_dir": str(self.folder / "data"),
            "kafka.port": port,
            "amqp.port": self.amqp_port,
            "mqtt.port": -1,
            "stomp.port": -1,
            "rocketmq.port": -1,
            "rocketmq.nameserver_port": -1,
            "rocketmq.grpc_port": -1,
            "management.port": -1,
            **self.settings,
        }
        if self.security:
            values |= self._secured(self.security, port)
        return "".join(
            _section(name, values) for name in sorted({_split(key)[0] for key in values})
        )

    def _secured(self, security: Security, port: int) -> dict[str, Value | list[str]]:
        values: dict[str, Value | list[str]] = {"kafka.require_login": security.sasl}
        if security.sasl:
            values |= {f"users.{user.name}": user.password for user in security.users}
        if security.tls:
            security.write_certificates(self.folder)
            values |= {
                "kafka.port": -1,
                "kafka.tls_port": port,
                "tls.certificate": str(self.folder / "server.crt"),
                "tls.key": str(self.folder / "server.key"),
            }
        return values


def _section(name: str, values: Mapping[str, Value | list[str]]) -> str:
    lines = [
        f"{_split(key)[1]} = {_literal(values[key])}" for key in values if _split(key)[0] == name
    ]
    return "\n".join([f"[{name}]", *lines, ""])


def _split(key: str) -> tuple[str, str]:
    section, _, name = key.partition(".")
    return section, name


def _literal(value: Value | list[str]) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case _:
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
