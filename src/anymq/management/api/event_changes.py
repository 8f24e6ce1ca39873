"""What came, went and changed, as events say it: for who may know of it."""

from collections.abc import Callable, Mapping
from typing import Any

from anymq.core.changes import CHANGED, Change
from anymq.core.rights.records import names_in
from anymq.core.streams.stream_names import stream_of
from anymq.management.api import routes
from anymq.management.api.guard import Caller

CONNECTION = "connection"
GROUP = "group"

Said = dict[str, Any] | None  # None: not for this caller
Tell = Callable[[Change, Caller], Said]


def told(change: Change, caller: Caller) -> Said:
    """Return what to tell this caller of a change."""
    tell = _TELL.get(change.kind)
    said = None if tell is None else tell(change, caller)
    return None if said is None else {"action": change.action, **said}


def _queue(change: Change, caller: Caller) -> Said:
    vhost, name = change.names
    if not caller.may_enter(vhost):
        return None
    return {"kind": change.kind, "vhost": vhost, "name": name}


def _binding(change: Change, caller: Caller) -> Said:
    vhost, source, kind, destination, key = change.names
    if not caller.may_enter(vhost):
        return None
    return {
        "kind": "binding",
        "vhost": vhost,
        "source": source,
        "destination": destination,
        "destination_type": kind,
        "routing_key": key,
    }


def _defined_queue(change: Change, caller: Caller) -> Said:
    """A definition of what topologies tell us of when it comes and goes."""
    if change.action != CHANGED:
        return None
    vhost, name = names_in(change.names[0])
    kind = change.kind.removesuffix("s")
    return _queue(Change(kind, change.action, (vhost, name)), caller)


def _topic(change: Change, caller: Caller) -> Said:
    name = change.names[0].partition("/")[2]
    if not caller.may_enter(stream_of(name)[0]):
        return None
    return {"kind": "topic", "name": name}


def _group(change: Change, caller: Caller) -> Said:
    return {"kind": GROUP, "name": change.names[0]} if caller.may_enter("/") else None


def _connection(change: Change, caller: Caller) -> Said:
    name, protocol, user, vhost = change.names
    sees_all = caller.may_use(routes.MONITORING)
    if not (sees_all or (user == caller.name and caller.may_enter(vhost))):
        return None
    kind = {"kind": CONNECTION, "name": name, "protocol": protocol}
    return {**kind, "user": user, "vhost": vhost}


def _vhost(change: Change, caller: Caller) -> Said:
    [name] = names_in(change.names[0])
    if not (caller.may_use(routes.ADMINISTRATOR) or caller.may_see(name)):
        return None
    return {"kind": "vhost", "name": name}


def _for(needs: str, kind: str, *parts: str) -> Tell:
    """Tell of a definition to those who may list them; `parts` name what is in its key."""

    def tell(change: Change, caller: Caller) -> Said:
        if not caller.may_use(needs):
            return None
        return {"kind": kind, **dict(zip(parts, names_in(change.names[0]), strict=False))}

    return tell


_TELL: Mapping[str, Tell] = {
    "queue": _queue,
    "exchange": _queue,
    "binding": _binding,
    "queues": _defined_queue,
    "exchanges": _defined_queue,
    "topics": _topic,
    GROUP: _group,
    CONNECTION: _connection,
    "vhosts": _vhost,
    "users": _for(routes.ADMINISTRATOR, "user", "name"),
    "permissions": _for(routes.ADMINISTRATOR, "permission", "vhost", "name"),
    "topic-permissions": _for(routes.ADMINISTRATOR, "topic_permission", "vhost", "name"),
    "policies": _for(routes.POLICYMAKER, "policy", "vhost", "name"),
    "operator-policies": _for(routes.POLICYMAKER, "operator_policy", "vhost", "name"),
    "parameters": _for(routes.POLICYMAKER, "parameter", "component", "vhost", "name"),
    "global-parameters": _for(routes.POLICYMAKER, "global_parameter", "name"),
    "vhost-limits": _for(routes.ADMINISTRATOR, "limit", "vhost", "name"),
    "user-limits": _for(routes.ADMINISTRATOR, "limit", "user", "name"),
}
