"""Eclipse mosquitto, one broker on loopback: what MQTT is measured against.

The one that the system has installed (apt install mosquitto).
"""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.maven import PeerUnavailable
from tests.peers.process import Controlled, ServerProcess, free_ports

START_SECONDS = 30.0
SYSTEM_PATH = "/usr/sbin:/usr/local/sbin"  # where it is, though users do not look there
VERSION = re.compile(r"mosquitto version (\S+)")
# MQTT 3.1.1, no name, a clean session.
CONNECT = b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0"
CONNACK = b"\x20\x02\0\0"


@dataclass(slots=True)
class MosquittoServer(Controlled):
    """Start, know, stop one mosquitto. Data goes to `folder`, which the caller removes.

    `settings` are lines of mosquitto.conf.
    """

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    cpus: Iterable[int] | None = None
    name: str = "mosquitto"
    port: int = 0
    _process: ServerProcess | None = None

    @property
    def version(self) -> str:
        """As it says itself."""
        return version()

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> "MosquittoServer":
        """Start, and wait until it takes clients. Again: the same data and port."""
        self.port = self.port or free_ports(1)[0]
        config = self.folder / "mosquitto.conf"
        config.write_text("".join(f"{key} {value}\n" for key, value in self._lines()))
        command = [str(program()), "-c", str(config)]
        self._process = ServerProcess(command, self.folder / "server.log", cpus=self.cpus)
        self._process.wait_until(self._is_ready, START_SECONDS)
        return self

    def _lines(self) -> Iterable[tuple[str, str]]:
        yield "listener", f"{self.port} 127.0.0.1"
        yield "allow_anonymous", "true"
        yield "log_type", "error"
        yield "persistence_location", f"{self.folder}/"
        if os.geteuid() == 0:
            yield "user", "root"  # else it becomes somebody who may not write here
        yield from self.settings.items()

    def _is_ready(self) -> bool | None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as connection:
                connection.settimeout(5.0)
                connection.sendall(CONNECT)
                return connection.recv(4) == CONNACK or None
        except OSError:
            return None


def program() -> Path:
    """Where it is."""
    places = f"{os.environ.get('PATH', '')}{os.pathsep}{SYSTEM_PATH}"
    found = shutil.which("mosquitto", path=places)
    if found is None:
        raise PeerUnavailable("no mosquitto here (apt install mosquitto)")
    return Path(found)


def version() -> str:
    """Which one it is."""
    said = subprocess.run([program(), "-h"], capture_output=True, text=True, check=False).stdout
    found = VERSION.search(said)
    return found[1] if found else "of an unknown version"
