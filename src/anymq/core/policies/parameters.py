"""Parameters: named values of components in virtual hosts, and global ones, as RabbitMQ has them.

Policies, operator policies and limits of virtual hosts are parameters, too; what they mean is told
by who listens to their component. On disk (see catalog.py): `parameters/<vhost>/<component>/<name>`
and `global-parameters/<name>`, each name percent-quoted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from anymq.core.catalog import Catalog, Then
from anymq.core.errors import Invalid

PARAMETERS = "parameters"
GLOBAL_PARAMETERS = "global-parameters"
POLICY = "policy"
OPERATOR_POLICY = "operator_policy"
VHOST_LIMITS = "vhost-limits"
COMPONENTS = (POLICY, OPERATOR_POLICY, VHOST_LIMITS)

PARAMETERS_MAX = 20_000  # of all virtual hosts together
VALUE_BYTES_MAX = 64 * 1024
NAME_BYTES_MAX = 255

Changed = Callable[[str, str], None]  # a virtual host, and the name of what changed in it
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `vhost` and `component` are empty for global ones."""

    name: str
    value: Any
    vhost: str = ""
    component: str = ""


class ParameterRecord(msgspec.Struct, frozen=True):
    """A parameter as it is kept."""

    value: Any
    by: str | None = None  # the user that set it, where that matters


def ignore(error: Exception | None) -> None:
    """Do nothing when it is durable: whoever asked does not wait for it."""


class Parameters:
    """All there are. Verbs take effect at once; `then` says that it is durable."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._values: dict[tuple[str, str], dict[str, Any]] = {}  # by vhost and component
        self._by: dict[tuple[str, str, str], str] = {}
        self._global: dict[str, Any] = {}
        self._count = 0
        self._listeners: dict[str, Changed] = {}
        for kind, changed in ((PARAMETERS, self._on_change), (GLOBAL_PARAMETERS, self._on_global)):
            for key, value in catalog.values(f"{kind}/"):
                changed(key, value)
            catalog.listen_to(kind, changed)

    def listen_to(self, component: str, changed: Changed) -> None:
        """Tell `changed` from now on; what there is it asks for."""
        self._listeners[component] = changed

    # Looking

    def of(self, vhost: str, component: str) -> Values:
        """Return those of one component in a virtual host, by their names."""
        return self._values.get((vhost, component), {})

    def list(self, component: str | None = None, vhost: str | None = None) -> list[Parameter]:
        """Return all, or those of a component, or of a virtual host."""
        return [
            Parameter(name, value, where, what)
            for (where, what), values in sorted(self._values.items())
            if component in (None, what) and vhost in (None, where)
            for name, value in sorted(values.items())
        ]

    def by(self, vhost: str, component: str, name: str) -> str | None:
        """Return who set a parameter, if that was noted."""
        return self._by.get((vhost, component, name))

    @property
    def globals(self) -> Values:
        """The global ones, by their names."""
        return self._global

    # Changing

    def put(
        self,
        vhost: str,
        component: str,
        name: str,
        value: Any,
        then: Then = ignore,
        by: str | None = None,
    ) -> None:
        """Let a parameter have this value; whoever knows the component has checked it."""
        if name not in self.of(vhost, component):
            self._check_room(name)
        self._put(parameter_key(vhost, component, name), value, then, by)

    def delete(self, vhost: str, component: str, name: str, then: Then = ignore) -> None:
        """Forget a parameter; one that is not there is as good."""
        self._catalog.change({parameter_key(vhost, component, name): None}, then)

    def put_global(self, name: str, value: Any, then: Then = ignore) -> None:
        """Let a global parameter have this value."""
        if name not in self._global:
            self._check_room(name)
        self._put(global_key(name), value, then)

    def delete_global(self, name: str, then: Then = ignore) -> None:
        """Forget a global parameter; one that is not there is as good."""
        self._catalog.change({global_key(name): None}, then)

    # Within

    def _put(self, key: str, value: Any, then: Then, by: str | None = None) -> None:
        record = ParameterRecord(value, by)
        if len(msgspec.json.encode(record)) > VALUE_BYTES_MAX:
            raise Invalid(f"a parameter has at most {VALUE_BYTES_MAX} bytes")
        self._catalog.change({key: record}, then)

    def _check_room(self, name: str) -> None:
        if not 0 < len(name.encode(errors="surrogatepass")) <= NAME_BYTES_MAX:
            raise Invalid(f"the name of a parameter has from 1 to {NAME_BYTES_MAX} bytes")
        if self._count + len(self._global) >= PARAMETERS_MAX:
            raise Invalid(f"there are {PARAMETERS_MAX} parameters, no more are allowed")

    def _on_change(self, key: str, value: bytes | None) -> None:
        vhost, component, name = _names_in(key)
        values = self._values.setdefault((vhost, component), {})
        self._count -= len(values)
        _set(values, name, value)
        self._count += len(values)
        self._by.pop((vhost, component, name), None)
        if value is not None and (by := _RECORD.decode(value).by) is not None:
            self._by[vhost, component, name] = by
        if not values:
            del self._values[vhost, component]
        if (changed := self._listeners.get(component)) is not None:
            changed(vhost, name)

    def _on_global(self, key: str, value: bytes | None) -> None:
        (name,) = _names_in(key)
        _set(self._global, name, value)


def parameter_key(vhost: str, component: str, name: str) -> str:
    """Return the key of a parameter."""
    return f"{prefix_of_vhost(vhost)}{_quoted(component)}/{_quoted(name)}"


def prefix_of_vhost(vhost: str) -> str:
    """Return how the keys of all parameters in a virtual host begin."""
    return f"{PARAMETERS}/{_quoted(vhost)}/"


def global_key(name: str) -> str:
    """Return the key of a global parameter."""
    return f"{GLOBAL_PARAMETERS}/{_quoted(name)}"


def _set(values: dict[str, Any], name: str, value: bytes | None) -> None:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = _RECORD.decode(value).value


def _names_in(key: str) -> list[str]:
    return [unquote(part) for part in key.split("/")[1:]]


def _quoted(name: str) -> str:
    return quote(name, safe="")


_RECORD = msgspec.json.Decoder(ParameterRecord)
