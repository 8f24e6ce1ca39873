"""ACLs as Kafka's requests describe them: to the rules that we keep, and back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from anymq.core.rights.acls import AclRecord
from anymq.protocols.kafka.acl_words import (
    ALLOW,
    ANY,
    DENY,
    KIND_NUMBERS,
    KINDS,
    LITERAL,
    MATCH,
    OPERATION_NUMBERS,
    OPERATIONS,
    PREFIXED,
)
from anymq.protocols.kafka.errors import InvalidRequest

PRINCIPAL_TYPE = "User"


class Creation(Protocol):
    """What a request to create one says."""

    resource_type: int
    resource_name: str
    resource_pattern_type: int
    principal: str
    host: str
    operation: int
    permission_type: int


class Filter(Protocol):
    """What a request to find some says."""

    resource_type_filter: int
    resource_name_filter: str | None
    pattern_type_filter: int
    principal_filter: str | None
    host_filter: str | None
    operation: int
    permission_type: int


@dataclass(frozen=True, slots=True)
class Described:
    """A rule in Kafka's numbers."""

    resource_type: int
    resource_name: str
    pattern_type: int
    principal: str
    host: str
    operation: int
    permission_type: int


def rule_of(said: Creation) -> AclRecord:
    """Return the rule that is to be created, or refuse."""
    kind = KINDS.get(said.resource_type)
    if kind is None:
        raise InvalidRequest(f"ACLs are not kept for resources of type {said.resource_type}")
    if said.resource_pattern_type not in (LITERAL, PREFIXED):
        raise InvalidRequest(f"Invalid pattern type {said.resource_pattern_type}")
    operation = OPERATIONS.get(said.operation)
    if operation is None:
        raise InvalidRequest(f"Invalid operation {said.operation}")
    if said.permission_type not in (ALLOW, DENY):
        raise InvalidRequest(f"Invalid permission type {said.permission_type}")
    if not said.resource_name:
        raise InvalidRequest("Invalid empty resource name")
    return AclRecord(
        kind=kind,
        name=said.resource_name,
        prefixed=said.resource_pattern_type == PREFIXED,
        user=_user_of(said.principal),
        host=said.host,
        operation=operation,
        allow=said.permission_type == ALLOW,
    )


def described(rule: AclRecord) -> Described:
    """Return a rule as Kafka describes it."""
    return Described(
        KIND_NUMBERS[rule.kind],
        rule.name,
        PREFIXED if rule.prefixed else LITERAL,
        f"{PRINCIPAL_TYPE}:{rule.user}",
        rule.host,
        OPERATION_NUMBERS[rule.operation],
        ALLOW if rule.allow else DENY,
    )


def matcher(said: Filter) -> Callable[[Described], bool]:
    """Return what finds the rules that a filter means, or refuse the filter."""
    numbers = (
        said.resource_type_filter,
        said.pattern_type_filter,
        said.operation,
        said.permission_type,
    )
    if any(number < ANY for number in numbers):
        raise InvalidRequest("The AclBindingFilter must not contain UNKNOWN elements.")

    def matches(one: Described) -> bool:
        return (
            said.resource_type_filter in (ANY, one.resource_type)
            and said.operation in (ANY, one.operation)
            and said.permission_type in (ANY, one.permission_type)
            and said.principal_filter in (None, one.principal)
            and said.host_filter in (None, one.host)
            and _is_about(said, one)
        )

    return matches


def _is_about(said: Filter, one: Described) -> bool:
    """Does the filter name this resource, or for MATCH: does the rule apply to that name?"""
    how, name = said.pattern_type_filter, said.resource_name_filter
    if how not in (ANY, MATCH, one.pattern_type):
        return False
    if name is None:
        return True
    if how != MATCH:
        return name == one.resource_name
    if one.pattern_type == PREFIXED:
        return name.startswith(one.resource_name)
    return one.resource_name in (name, "*")


def _user_of(principal: str) -> str:
    kind, separator, name = principal.partition(":")
    if kind != PRINCIPAL_TYPE or not separator or not name:
        raise InvalidRequest(f"'{principal}' is nobody here: principals are {PRINCIPAL_TYPE}:name")
    return name
