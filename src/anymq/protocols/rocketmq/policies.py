"""RocketMQ's policies in the words of the one model of rights, and back.

A policy says which resources (`Topic:orders`, `Topic:orders*`, `Group:*`, `Cluster:*`, `*`) a user
may do which actions to, from which addresses. Ours says one operation on one resource from one
address: a policy is several of ours. What ours cannot say is refused in words.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from anymq.core.rights.acls import ANY, CLUSTER_NAME, AclRecord
from anymq.core.rights.operations import Kind, Operation
from anymq.protocols.rocketmq.errors import BadRequest

USER = "User:"
ALLOW, DENY = "Allow", "Deny"
CUSTOM = "Custom"
KINDS = {"topic": Kind.TOPIC, "group": Kind.GROUP, "cluster": Kind.CLUSTER}
NAMES = {kind: name.capitalize() for name, kind in KINDS.items()}
# What stands for an action. The first action of an operation is how that is told.
ACTIONS: dict[str, tuple[Operation, ...]] = {
    "All": (Operation.ALL,),
    "Pub": (Operation.WRITE,),
    "Sub": (Operation.READ,),
    "Create": (Operation.CREATE,),
    "Update": (Operation.ALTER, Operation.ALTER_CONFIGS),
    "Delete": (Operation.DELETE,),
    "Get": (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS),
    "List": (Operation.DESCRIBE,),
}
_BY_NAME = {name.lower(): operations for name, operations in ACTIONS.items()}
_TOLD = {of[0]: name for name, of in ACTIONS.items() if name != "List"}


class Entry(msgspec.Struct, rename="camel"):
    """What may be done to one resource."""

    resource: str | None = None
    actions: list[str] = []
    source_ips: list[str] | None = None
    decision: str | None = None


class Policy(msgspec.Struct, rename="camel"):
    """Several of them."""

    policy_type: str | None = None
    entries: list[Entry] = []


class Acl(msgspec.Struct, rename="camel"):
    """All policies of a user."""

    subject: str | None = None
    policies: list[Policy] = []


class Resource(NamedTuple):
    """What a rule is about."""

    kind: Kind
    name: str
    prefixed: bool


def user_of(subject: str) -> str:
    """Return whom a policy is about."""
    if not subject.startswith(USER) or len(subject) == len(USER):
        raise BadRequest(f"a subject is User:NAME, not {subject[:64]!r}")
    return subject.removeprefix(USER)


def resources_of(said: str) -> list[Resource]:
    """Return what a resource is; `*` is everything there is."""
    if said == ANY:
        return [resource for kind in KINDS for resource in resources_of(f"{kind}:{ANY}")]
    type_, _, name = said.partition(":")
    kind = KINDS.get(type_.lower())
    if kind is None:
        raise BadRequest(
            f"a resource is Topic:…, Group:…, Cluster:… or *, not {said[:64]!r}: for a namespace"
            " say Topic:NAMESPACE%* and Group:NAMESPACE%*"
        )
    if not name:
        raise BadRequest(f"the resource {said[:64]!r} has no name")
    if kind is Kind.CLUSTER:
        return [Resource(kind, CLUSTER_NAME, False)]  # there is one, whatever it is called
    if name != ANY and name.endswith(ANY):
        return [Resource(kind, name.removesuffix(ANY), True)]
    return [Resource(kind, name, False)]


def rules_of(user: str, acl: Acl) -> list[AclRecord]:
    """Return our rules for somebody's policies."""
    entries = [entry for policy in acl.policies for entry in _entries(policy)]
    if not entries:
        raise BadRequest("The policies is empty.")
    return [rule for entry in entries for rule in _rules(user, entry)]


def _entries(policy: Policy) -> list[Entry]:
    if policy.policy_type not in (None, "", CUSTOM):
        raise BadRequest("only policies of the type Custom are kept here, no defaults")
    return policy.entries


def _rules(user: str, entry: Entry) -> Iterator[AclRecord]:
    if (entry.decision or "").lower() not in (ALLOW.lower(), DENY.lower()):
        raise BadRequest("The decision is null or illegal.")
    allow = (entry.decision or "").lower() == ALLOW.lower()
    operations = _operations(entry.actions)
    for kind, name, prefixed in resources_of(entry.resource or ""):
        for host in _hosts(entry.source_ips):
            for operation in operations:
                yield AclRecord(kind, name, prefixed, user, host, operation, allow)


def _operations(actions: Sequence[str]) -> list[Operation]:
    if not actions:
        raise BadRequest("The actions is empty.")
    found: dict[Operation, None] = {}
    for action in actions:
        operations = _BY_NAME.get(action.lower())
        if operations is None:
            raise BadRequest(f"an action is one of {', '.join(ACTIONS)}, not {action[:32]!r}")
        found.update(dict.fromkeys(operations))
    return list(found)


def _hosts(source_ips: Sequence[str] | None) -> Sequence[str]:
    for said in source_ips or ():
        if "/" in said:
            raise BadRequest(f"a source is one address here, not a network: {said[:64]!r}")
    return source_ips or (ANY,)


# The way back


def told(user: str, rules: Iterable[AclRecord]) -> dict[str, object]:
    """Return a user's rules as policies."""
    by_resource: dict[tuple[Resource, bool], dict[str, set[Operation]]] = {}
    for rule in rules:
        place = Resource(rule.kind, rule.name, rule.prefixed), rule.allow
        by_resource.setdefault(place, {}).setdefault(rule.host, set()).add(rule.operation)
    entries = [
        entry
        for (resource, allow), hosts in by_resource.items()
        for entry in _told(resource, hosts, allow=allow)
    ]
    return {
        "subject": f"{USER}{user}",
        "policies": [{"policyType": CUSTOM, "entries": entries}],
    }


def _told(
    resource: Resource, hosts: dict[str, set[Operation]], *, allow: bool
) -> Iterator[dict[str, object]]:
    for operations, sources in _by_operations(hosts):
        yield {
            "resource": name_of(resource),
            "actions": [name for of, name in _TOLD.items() if of in operations],
            "sourceIps": [] if sources == [ANY] else sources,
            "decision": ALLOW if allow else DENY,
        }


def _by_operations(
    hosts: dict[str, set[Operation]],
) -> Iterator[tuple[frozenset[Operation], list[str]]]:
    """Yield what is the same from several addresses once."""
    grouped: dict[frozenset[Operation], list[str]] = {}
    for host, operations in hosts.items():
        grouped.setdefault(frozenset(operations), []).append(host)
    yield from grouped.items()


def name_of(resource: Resource) -> str:
    """Return a resource as policies name it."""
    kind, name, prefixed = resource
    if kind not in NAMES:
        return f"{kind}:{name}"  # of Kafka alone
    return f"{NAMES[kind]}:{ANY if kind is Kind.CLUSTER else name}{ANY if prefixed else ''}"
