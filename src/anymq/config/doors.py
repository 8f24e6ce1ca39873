"""Where protocols of plugins listen, as `plugins.protocols` says it."""

import re
from typing import NamedTuple

from anymq.config.load import ConfigError, is_loopback
from anymq.config.model import PORT_MAX, Settings

_DOOR = re.compile(r"(?P<name>[\w.-]+)=(?P<host>\[[^]]+\]|[^:\s]+):(?P<port>\d{1,5})")


class Door(NamedTuple):
    """One protocol at one address."""

    name: str
    host: str
    port: int


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
