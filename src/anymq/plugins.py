"""Plugins: code of other packages, found by its entry points.

Whoever writes one reads docs/how-to/write-a-plugin.md.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from anymq.config.doors import Door
from anymq.config.load import ConfigError
from anymq.core.broker import Broker
from anymq.core.interceptor import Interceptor
from anymq.core.rights.permit import Permit
from anymq.core.routing.types import OURS, ExchangeTypes
from anymq.net.listener import MakeSession
from anymq.observability.log import Log
from anymq.protocols.session import Peer
from anymq.security.authenticator import Authenticator
from anymq.security.gate import Gate
from anymq.security.users import Users

EXCHANGE_TYPES = "anymq.exchange_types"
INTERCEPTORS = "anymq.interceptors"
PROTOCOLS = "anymq.protocols"
AUTHENTICATORS = "anymq.authenticators"

log = Log(__name__)


def exchange_types() -> ExchangeTypes:
    """Return the types there are: ours, and those of installed packages."""
    types = dict(OURS)
    for entry in entry_points(group=EXCHANGE_TYPES):
        try:
            types.setdefault(entry.name, entry.load())
        except Exception:
            log.exception("an exchange type cannot be loaded", name=entry.name, of=entry.value)
    return types


def interceptors(names: Iterable[str]) -> list[Interceptor]:
    """Return those that the settings name; without one of them the broker must not run."""
    return [load(INTERCEPTORS, name)() for name in names]


def authenticators(names: Iterable[str]) -> list[Authenticator]:
    """Return those that the settings name."""
    return [load(AUTHENTICATORS, name)() for name in names]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a protocol stands on."""

    broker: Broker
    users: Users  # who may log in,
    gate: Gate  # and whether that is his password

    def permit(self, user: str, vhost: str, peer: Peer) -> Permit:
        """Return what a user may do, who has proved who he is."""
        return self.broker.users.permit(user, vhost, host=peer.host)


def protocols(doors: Iterable[Door], ground: Ground) -> Iterator[tuple[Door, MakeSession]]:
    """Yield who speaks what, and where."""
    for door in doors:
        make: Callable[[Ground], MakeSession] = load(PROTOCOLS, door.name)
        yield door, make(ground)


def load(group: str, name: str) -> Any:
    """Load what the settings name; ConfigError says why that cannot be."""
    for entry in entry_points(group=group, name=name):
        try:
            return entry.load()
        except Exception as error:
            raise ConfigError(f"plugin {name} ({entry.value}): {error!r}") from error
    raise ConfigError(f"plugin {name}: no installed package has it in {group}")
