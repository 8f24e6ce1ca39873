"""RabbitMQ, one node on loopback: the peer for conformance, differences and measure.

Two editions: the one the system has installed, and the newest of Debian's packages unpacked into a
folder that git does not see (`./dev peers rabbitmq`), with its own Erlang and C library.
"""

import os
import shutil
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from tests.peers import debian
from tests.peers.maven import PeerUnavailable
from tests.peers.process import Controlled, ServerProcess, free_ports

START_SECONDS = 90.0
VARIABLE = "ANYMQ_RABBITMQ"  # "system" | "unpacked"; unset: unpacked where it is, else system
PLUGINS = ("rabbitmq_consistent_hash_exchange", "rabbitmq_random_exchange")
PACKAGES = ("rabbitmq-server",)
# Where the node's folder is seen from inside the unpacked edition.
MOUNTED = "/mnt"
# Becomes the server: no process between, so the id that we know is the one to measure and to stop.
ENTER = """
set -e
for each in proc dev; do mount --rbind /$each "$1/$each"; done
mount --bind "$2" "$1/mnt"
shift 2
exec chroot "$@"
"""


@dataclass(frozen=True, slots=True)
class Edition:
    """One RabbitMQ on this machine. `root` is None for the system's own."""

    version: str
    home: Path  # as the server sees it
    root: Path | None

    def command(self, folder: Path, *argv: str) -> list[str]:
        """Run a program of this edition, which sees `folder` where `seen` says."""
        if self.root is None:
            return list(argv)
        script = ["sh", "-c", ENTER, "enter", str(self.root), str(folder), str(self.root)]
        return ["unshare", "--map-root-user", "--mount", *script, *argv]

    def seen(self, folder: Path) -> Path:
        """Where the server sees its folder."""
        return folder if self.root is None else Path(MOUNTED)


@dataclass(slots=True)
class RabbitmqServer(Controlled):
    """Start, know, stop one RabbitMQ. Data goes to `folder`, which the caller removes.

    `settings` are lines of rabbitmq.conf.
    """

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    cpus: Iterable[int] | None = None
    plugins: Sequence[str] = PLUGINS
    edition: Edition | None = None
    name: str = "RabbitMQ"
    port: int = 0
    _ports: tuple[int, int] = (0, 0)  # of the name server, of the distribution
    _names: ServerProcess | None = None
    _process: ServerProcess | None = None

    @property
    def version(self) -> str:
        """As it says itself."""
        return self._edition().version

    @property
    def amqp_port(self) -> int:
        """Where it speaks AMQP."""
        return self.port

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> "RabbitmqServer":
        """Start, and wait until it takes connections. Again: the same data and port."""
        self.launch()
        self._running().wait_until(self._is_ready, START_SECONDS)
        return self

    def launch(self) -> None:
        """Start it, and do not wait."""
        if not self.port:
            self.port, *others = free_ports(3)
            self._ports = (others[0], others[1])
            self._write_files()
        if self._names is None:
            self._names = self._start("names.log", "epmd", "-port", str(self._ports[0]))
        program = str(self._edition().home / "sbin" / "rabbitmq-server")
        self._process = self._start("server.log", program)

    @override
    def stop(self) -> None:
        """A clean end, of the name server too."""
        if self._process is not None:
            self._process.stop()
        if self._names is not None:
            self._names.stop()
            self._names = None

    @property
    def node_name(self) -> str:
        """How it calls itself."""
        return f"peer{self.port}@localhost"

    @property
    def environment(self) -> dict[str, str]:
        """That of its own tools."""
        return self._environment()

    def tool(self, name: str, *words: str) -> list[str]:
        """One of its own tools, such as rabbitmqctl."""
        edition = self._edition()
        return edition.command(self.folder, str(edition.home / "sbin" / name), *words)

    def _start(self, log: str, *argv: str) -> ServerProcess:
        command = self._edition().command(self.folder, *argv)
        return ServerProcess(command, self.folder / log, env=self._environment(), cpus=self.cpus)

    def _edition(self) -> Edition:
        if self.edition is None:
            self.edition = find_edition()
        return self.edition

    def _is_ready(self) -> bool | None:
        """It greets; before its boot is complete it does not listen."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                connection.settimeout(5.0)
                connection.sendall(b"AMQP\0\0\x09\x01")
                return connection.recv(1) == b"\x01" or None
        except OSError:
            return None

    def _write_files(self) -> None:
        plugins = ",".join(self.plugins)
        (self.folder / "enabled_plugins").write_text(f"[{plugins}].\n")
        values = {
            "listeners.tcp.1": f"127.0.0.1:{self.port}",
            "log.console": "true",
            "log.console.level": "warning",
            "log.file": "false",
            **self.settings,
        }
        lines = "".join(f"{key} = {value}\n" for key, value in values.items())
        (self.folder / "rabbitmq.conf").write_text(lines)
        (self.folder / "advanced.config").write_text("[].\n")

    def _environment(self) -> dict[str, str]:
        names, distribution = self._ports
        here = self._edition().seen(self.folder)
        return {
            "HOME": str(here),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server
            "RABBITMQ_NODENAME": self.node_name,
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(here / "data"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(here / "generated"),
            "RABBITMQ_PID_FILE": str(here / "pid"),
        }


def find_edition() -> Edition:
    """What ANYMQ_RABBITMQ asks for, or the better one of what there is."""
    wish = os.environ.get(VARIABLE, "")
    if wish != "system":
        unpacked = _home(debian.root(PACKAGES[0]))
        if unpacked is not None and shutil.which("unshare"):
            return unpacked
    system = None if wish == "unpacked" else _home(None)
    if system is None or shutil.which("epmd") is None:
        raise PeerUnavailable("no RabbitMQ here (apt install rabbitmq-server, or ./dev peers)")
    return system


def fetch() -> Edition:
    """Unpack the newest of Debian's packages."""
    debian.unpack(PACKAGES)
    return find_edition()


def _home(root: Path | None) -> Edition | None:
    found = sorted((root or Path("/")).glob("usr/lib/rabbitmq/lib/rabbitmq_server-*"))
    if not found:
        return None
    home = found[-1] if root is None else Path("/") / found[-1].relative_to(root)
    return Edition(found[-1].name.partition("-")[2], home, root)
