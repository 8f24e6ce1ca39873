"""Policies: those there are, and what holds for each thing. Limits of virtual hosts beside them."""

from collections.abc import Callable, Mapping
from typing import Any

from anymq.core.catalog import Then
from anymq.core.errors import Invalid, NotFound
from anymq.core.policies.checks import check_limits, check_policy, failed
from anymq.core.policies.parameters import (
    OPERATOR_POLICY,
    POLICY,
    VHOST_LIMITS,
    Parameters,
    ignore,
)
from anymq.core.policies.policy import ALL, NOTHING, Applied, Definition, Policy, apply, in_order

FOUND_MAX = 200_000  # answers that are remembered: more than there are things
LIMITS = "limits"  # the one parameter of the component of limits
MAX_CONNECTIONS, MAX_QUEUES = "max-connections", "max-queues"
VHOST_LIMIT_NAMES = (MAX_CONNECTIONS, MAX_QUEUES)

Policed = tuple[tuple[Policy, ...], tuple[Policy, ...]]  # policies and the operator's, in order


class Policies:
    """What holds for what. Verbs take effect at once; `then` says that it is durable."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.on_change: Callable[[str], None] = _nobody  # told of the virtual host
        # Of others: they check a value, and listen to the parameters themselves.
        self.components: dict[str, Callable[[str, str, Any], None]] = {}
        self._of: dict[str, Policed] = {}  # by virtual host; those without have no entry
        self._found: dict[tuple[str, str, str], Applied] = {}
        for component in (POLICY, OPERATOR_POLICY):
            for vhost in {one.vhost for one in parameters.list(component)}:
                self._look(vhost)
            parameters.listen_to(component, self._changed)

    # Looking

    def applied(self, vhost: str, kind: str, name: str) -> Applied:
        """Return what holds for something. `kind`: a type of queues, or EXCHANGES."""
        policed = self._of.get(vhost)
        if policed is None:
            return NOTHING
        key = vhost, kind, name
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= FOUND_MAX:
                self._found.clear()
            found = self._found[key] = apply(*policed, kind, name)
        return found

    def list(self, vhost: str | None = None, *, operator: bool = False) -> list[Policy]:
        """Return all, or those of a virtual host."""
        found = self.parameters.list(_component(operator), vhost)
        return [policy_of(one.vhost, one.name, one.value) for one in found]

    def find(self, vhost: str, name: str, *, operator: bool = False) -> Policy:
        """Return a policy, or refuse."""
        value = self.parameters.of(vhost, _component(operator)).get(name)
        if value is None:
            raise NotFound(f"no policy '{name}' in vhost '{vhost}'")
        return policy_of(vhost, name, value)

    # Changing

    def put(
        self,
        vhost: str,
        name: str,
        said: Mapping[str, Any],
        then: Then = ignore,
        *,
        operator: bool = False,
    ) -> None:
        """Make or change a policy. `said`: pattern, definition, priority, apply-to."""
        value = {
            "pattern": said.get("pattern"),
            "definition": said.get("definition"),
            "priority": 0 if said.get("priority") is None else said["priority"],
            "apply-to": said.get("apply-to") or ALL,
        }
        check_policy(name, *value.values(), operator=operator)
        self.parameters.put(vhost, _component(operator), name, value, then)

    def delete(self, vhost: str, name: str, then: Then = ignore, *, operator: bool = False) -> None:
        """Unmake a policy, or refuse."""
        self.find(vhost, name, operator=operator)
        self.parameters.delete(vhost, _component(operator), name, then)

    # Limits of virtual hosts

    def limits(self, vhost: str) -> Mapping[str, int]:
        """Return the limits of a virtual host, as they were set; a negative one is none."""
        limits: Mapping[str, int] = self.parameters.of(vhost, VHOST_LIMITS).get(LIMITS, {})
        return limits

    def limit(self, vhost: str, name: str) -> int | None:
        """Return a limit that holds; None: there is none."""
        limit = self.limits(vhost).get(name, -1)
        return limit if limit >= 0 else None

    def put_limits(self, vhost: str, limits: Any, then: Then = ignore) -> None:
        """Replace the limits of a virtual host."""
        check_limits(LIMITS, limits, VHOST_LIMIT_NAMES)
        self.parameters.put(vhost, VHOST_LIMITS, LIMITS, dict(limits), then)

    def put_limit(self, vhost: str, name: str, value: Any, then: Then = ignore) -> None:
        """Set one limit."""
        self.put_limits(vhost, {**self.limits(vhost), name: value}, then)

    def clear_limit(self, vhost: str, name: str, then: Then = ignore) -> None:
        """Take one limit away; one that is not there is as good."""
        left = {key: value for key, value in self.limits(vhost).items() if key != name}
        self.put_limits(vhost, left, then)

    # Any parameter

    def put_parameter(
        self,
        vhost: str,
        component: str,
        name: str,
        value: Any,
        then: Then = ignore,
        by: str | None = None,
    ) -> None:
        """Set a parameter of any component that there is. `by`: the user in whose name it acts."""
        if component == POLICY:
            raise Invalid("policies may not be set using this method")
        if component == OPERATOR_POLICY:
            self.put(vhost, name, _mapping(value), then, operator=True)
        elif component == VHOST_LIMITS:
            self.put_limits(vhost, value, then)
        elif (check := self.components.get(component)) is not None:
            check(vhost, name, value)
            self.parameters.put(vhost, component, name, value, then, by)
        else:
            raise failed([f"component {component} not found"])

    # Within

    def _changed(self, vhost: str, _name: str) -> None:
        self._look(vhost)
        self._found.clear()
        self.on_change(vhost)

    def _look(self, vhost: str) -> None:
        policies = in_order(self.list(vhost))
        operators = in_order(self.list(vhost, operator=True))
        if policies or operators:
            self._of[vhost] = policies, operators
        else:
            self._of.pop(vhost, None)


class Rules:
    """What policies and limits say of one virtual host."""

    __slots__ = ("_policies", "_vhost")

    def __init__(self, vhost: str, policies: Policies) -> None:
        self._vhost = vhost
        self._policies = policies

    def definition(self, kind: str, name: str) -> Definition:
        """Return what policies make of something."""
        return self._policies.applied(self._vhost, kind, name).definition

    def applied(self, kind: str, name: str) -> Applied:
        """Return which policies hold for something."""
        return self._policies.applied(self._vhost, kind, name)

    @property
    def queues_max(self) -> int | None:
        """How many queues there may be; None: as many as anywhere."""
        return self._policies.limit(self._vhost, MAX_QUEUES)

    @property
    def connections_max(self) -> int | None:
        """How many connections there may be; None: as many as anywhere."""
        return self._policies.limit(self._vhost, MAX_CONNECTIONS)


def policy_of(vhost: str, name: str, value: Mapping[str, Any]) -> Policy:
    """Return the policy that a parameter says."""
    return Policy(
        vhost, name, value["pattern"], value["definition"], value["priority"], value["apply-to"]
    )


def _component(operator: bool) -> str:
    return OPERATOR_POLICY if operator else POLICY


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _nobody(_vhost: str) -> None:
    pass
