"""Plugins: code of other packages, found by its entry points.

Whoever writes one reads docs/how-to/write-a-plugin.md.
"""

from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

from anymq.config.load import ConfigError
from anymq.core.interceptor import Interceptor
from anymq.core.routing.types import OURS, ExchangeTypes
from anymq.observability.log import Log

EXCHANGE_TYPES = "anymq.exchange_types"
INTERCEPTORS = "anymq.interceptors"

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
    return [_load(INTERCEPTORS, name)() for name in names]


def _load(group: str, name: str) -> Any:
    """Load what the settings name; ConfigError says why that cannot be."""
    for entry in entry_points(group=group, name=name):
        try:
            return entry.load()
        except Exception as error:
            raise ConfigError(f"plugin {name} ({entry.value}): {error!r}") from error
    raise ConfigError(f"plugin {name}: no installed package has it in {group}")
