"""Where the settings have us listen: our own protocols, and those of plugins."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from anymq.config.load import ConfigError, is_loopback
from anymq.config.model import Settings
from anymq.config.place import PORT_MAX

_DOOR = re.compile(r"(?P<name>[\w.-]+)=(?P<host>\[[^]]+\]|[^:\s]+):(?P<port>\d{1,5})")


_OWN = {  # the ports of a section, each with one for TLS beside it
    "kafka": ("port",),
    "amqp": ("port",),
    "mqtt": ("port", "websocket_port"),
    "stomp": ("port", "activemq_port", "websocket_port"),
    "rocketmq": ("port", "nameserver_port", "grpc_port"),
    "management": ("port",),
}


class Door(NamedTuple):
    """One protocol at one address."""

    name: str
    host: str
    port: int


class OwnDoor(NamedTuple):
    """A door of ours: `key` is its setting. It may be off."""

    name: str  # "mqtt", "mqtt_tls", "mqtt_websocket"
    key: str  # "mqtt.websocket_port"
    host: str
    port: int


def own_doors(settings: Settings) -> Iterator[OwnDoor]:
    """Yield where our own protocols would listen."""
    for section, ports in _OWN.items():
        part = getattr(settings, section)
        for port in ports:
            for field in (port, port.replace("port", "tls_port")):
                name = f"{section}_{field}".removesuffix("_port")
                key = f"{section}.{field}"
                yield OwnDoor(name, key, part.host, getattr(part, field))


def plugin_doors(settings: Settings) -> list[Door]:
    """Return where protocols of plugins listen."""
    return [
        _door(said, allow_open=settings.server.allow_open) for said in settings.plugins.protocols
    ]


def _door(said: str, *, allow_open: bool) -> Door:
    match = _DOOR.fullmatch(said)
    if match is None or int(match["port"]) > PORT_MAX:
        raise ConfigError(f"plugins.protocols: {said!r} is not NAME=HOST:PORT")
    host = match["host"].strip("[]")
    if not allow_open and not is_loopback(host):
        raise ConfigError(
            f"plugins.protocols: {said}: others than this machine could connect, in clear text."
            " server.allow_open = true if the network is yours alone"
        )
    return Door(match["name"], host, int(match["port"]))
