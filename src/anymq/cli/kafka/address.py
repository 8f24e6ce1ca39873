"""Where brokers are: HOST:PORT, several separated by commas."""

from dataclasses import dataclass

from typing_extensions import override

from anymq.cli.errors import CommandFailed

DEFAULT_SERVERS = "127.0.0.1:9092"
DEFAULT_PORT = 9092


@dataclass(frozen=True, slots=True)
class Address:
    """One of them."""

    host: str
    port: int

    @override
    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_addresses(text: str) -> list[Address]:
    """Read what --bootstrap-server was given; "PLAINTEXT://host:port" and the like count too."""
    addresses = [_parse(word.strip()) for word in text.split(",") if word.strip()]
    if not addresses:
        raise CommandFailed("--bootstrap-server names no server: HOST:PORT,HOST:PORT")
    return addresses


def _parse(word: str) -> Address:
    host, separator, port = word.rpartition("://")[2].rpartition(":")
    if not separator or (":" in host and not host.endswith("]")):
        host, port = word, str(DEFAULT_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandFailed(f"--bootstrap-server takes HOST:PORT, not {word!r}")
    return Address(host.strip("[]") or "localhost", int(port))
