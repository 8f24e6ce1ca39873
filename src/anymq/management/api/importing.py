"""Definitions coming in: a document of ours or of RabbitMQ's is made to be.

Things are made in the order in which they need each other. What is there already stays as it is
where it cannot be changed, and takes what the document says where it can. What RabbitMQ has and we
do not (parameters of plugins, mirrored queues) is left out, and that is said.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

import msgspec

from anymq.core.broker import Broker
from anymq.core.catalog import Then
from anymq.core.errors import Invalid
from anymq.core.joined import Joined
from anymq.core.policies.parameters import COMPONENTS
from anymq.core.policies.terms import term
from anymq.core.rights.acls import AclRecord
from anymq.core.routing.exchange import EXCHANGE
from anymq.core.vhosts.vhost import RESERVED, VirtualHost
from anymq.core.vhosts.vhosts import DEFAULT
from anymq.management.api.faults import bad_request
from anymq.management.api.values import from_json
from anymq.management.api.vhosts import check_name, record_of

ITEMS_PER_PIECE = 20
# Each asks all queues whether it is for them; so long, too, takes what is kept of a password.
SLOW = ("policies", "parameters")
OF_CONFIGURATION = "of_configuration"
MIRRORS = "ha-"  # how the settings of mirrored queues begin, which no RabbitMQ has any more
FEDERATION = "federation-"

Item = Mapping[str, Any]
Put = Callable[["Import", Any, Then], None]


class ExchangeItem(msgspec.Struct):
    """An exchange."""

    name: str
    type: str = "direct"
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    arguments: dict[str, Any] = {}


class QueueItem(msgspec.Struct):
    """A queue or a stream."""

    name: str
    durable: bool = True
    auto_delete: bool = False
    arguments: dict[str, Any] = {}


class BindingItem(msgspec.Struct):
    """A binding."""

    source: str
    destination: str
    destination_type: str = "queue"
    routing_key: str = ""
    arguments: dict[str, Any] = {}


class PermissionItem(msgspec.Struct):
    """What a user may do in a virtual host."""

    user: str
    configure: str
    write: str
    read: str


class TopicPermissionItem(msgspec.Struct):
    """The routing keys that a user is limited to."""

    user: str
    exchange: str
    write: str
    read: str


class UserItem(msgspec.Struct):
    """A user. `verifiers` are ours."""

    name: str
    tags: str | list[str] | None = None
    password: str | None = None
    password_hash: str | None = None
    hashing_algorithm: str | None = None
    verifiers: list[str] = []
    limits: dict[str, Any] | list[Any] = {}
    of_configuration: bool = False


class VhostItem(msgspec.Struct):
    """A virtual host; what is said of it is in one of two places."""

    name: str
    metadata: dict[str, Any] = {}
    description: str | None = None
    tags: Any = None
    default_queue_type: str | None = None


class ParameterItem(msgspec.Struct):
    """A parameter, or a global one."""

    name: str
    value: Any
    component: str = ""
    by: str = ""  # in whose name it acts


class PolicyItem(msgspec.Struct, rename={"apply_to": "apply-to"}):
    """A policy."""

    name: str
    pattern: str
    definition: dict[str, Any]
    priority: Any = 0
    apply_to: str | None = None


class Import:
    """One document on its way in. `into`: everything goes to this virtual host."""

    def __init__(
        self, broker: Broker, document: Item, into: str | None = None, by: str | None = None
    ) -> None:
        self.broker = broker
        self.by = by  # who imports; None: whoever configures the broker
        self.left_out: Counter[str] = Counter()  # by kind
        self._into = into
        kinds = _KINDS if into is None else {kind: _KINDS[kind] for kind in _OF_VHOSTS}
        self._items = [(kind, one) for kind in kinds for one in _items(document, kind)]
        if into is None:
            self._items += self._of_configuration(document.get(OF_CONFIGURATION))

    def pieces(self, one_more: Callable[[], Then]) -> Generator[bytes, None, None]:
        """Make some, and again; the first thing that is refused ends it.

        `one_more` gives what is told when a thing would survive a restart.
        """
        for number, (kind, item) in enumerate(self._items):
            self._put(kind, item, one_more())
            slow = kind in SLOW or "password" in item
            if slow or number % ITEMS_PER_PIECE == ITEMS_PER_PIECE - 1:
                yield b""

    def vhost(self, item: Item) -> VirtualHost:
        """Return where something is to be."""
        name = item.get("vhost", DEFAULT) if self._into is None else self._into
        vhost = self.broker.vhosts.get(name) if isinstance(name, str) else None
        if vhost is None:
            reason = f'Please create virtual host "{name}" prior to importing definitions.'
            raise bad_request(reason)
        return vhost

    def _of_configuration(self, said: Any) -> list[tuple[str, Item]]:
        """Return what is set for users whom the configuration proves, as far as it does here."""
        document = said if isinstance(said, dict) else {}
        found = [(kind, one) for kind in _OF_USERS for one in _items(document, kind)]
        accounts = self.broker.users
        return [
            (kind, {**one, "of_configuration": True})
            for kind, one in found
            if one.get("user", one.get("name")) in accounts
        ]

    def _put(self, kind: str, item: Item, then: Then) -> None:
        if item.get("arguments") in ([], None):  # Erlang's empty object
            item = {key: value for key, value in item.items() if key != "arguments"}
        form, put, placed = _KINDS[kind]
        try:
            said = msgspec.convert(item, form)
        except msgspec.ValidationError as error:
            raise bad_request(f"{kind}: {error}") from None
        if placed:
            put(self, self.vhost(item), said, then)
        else:
            put(self, said, then)


def _items(document: Item, kind: str) -> list[Item]:
    items = document.get(kind) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad_request(f"{kind} is no list of objects")
    return items


# What is of no virtual host


def _put_user(into: Import, said: UserItem, then: Then) -> None:
    if said.tags is None:
        raise bad_request("tags_not_present")
    accounts, limits = into.broker.users, into.broker.presence.limits
    tags = said.tags.split(",") if isinstance(said.tags, str) else said.tags
    proofs: dict[str, Any] = {}
    if not (said.of_configuration or accounts.is_of_file(said.name)):  # which knows passwords
        proofs = _proofs(said, new=said.name not in accounts)
    both = Joined(then, 2)
    accounts.put(said.name, tags=[tag.strip() for tag in tags], then=both, **proofs)
    limits.put(said.name, said.limits or {}, both)


def _proofs(said: UserItem, *, new: bool) -> dict[str, Any]:
    if said.verifiers:
        return {"verifiers": tuple(said.verifiers)}
    if said.password_hash is not None:
        algorithm = said.hashing_algorithm or ""
        return {"password_hash": said.password_hash, "hashing_algorithm": algorithm}
    if said.password is not None:
        return {"password": said.password}
    return {"password": ""} if new else {}


def _put_vhost(into: Import, said: VhostItem, then: Then) -> None:
    check_name(said.name)
    own = {
        "description": said.description,
        "tags": said.tags,
        "default_queue_type": said.default_queue_type,
    }
    both = {**said.metadata, **{key: value for key, value in own.items() if value is not None}}
    there = into.broker.vhosts.get(said.name)
    into.broker.put_vhost(said.name, record_of(both, there), then)


def _put_permission(into: Import, vhost: VirtualHost, said: PermissionItem, then: Then) -> None:
    _check_user(into, said.user)
    patterns = said.configure, said.write, said.read
    into.broker.users.set_permissions(said.user, vhost.name, *patterns, then=then)


def _put_topics(into: Import, vhost: VirtualHost, said: TopicPermissionItem, then: Then) -> None:
    _check_user(into, said.user)
    into.broker.users.set_topic_permissions(
        said.user, vhost.name, said.exchange, said.write, said.read, then
    )


def _put_acl(into: Import, said: AclRecord, then: Then) -> None:
    into.broker.users.acls.add([said], then)


def _check_user(into: Import, name: str) -> None:
    if name not in into.broker.users:
        raise bad_request(f"{{no_such_user,{term(name)}}}")


def _put_global(into: Import, said: ParameterItem, then: Then) -> None:
    into.broker.policies.parameters.put_global(said.name, said.value, then)


# What is in virtual hosts


def _put_parameter(into: Import, vhost: VirtualHost, said: ParameterItem, then: Then) -> None:
    component = said.component
    if not _is_known(into, vhost, said):
        into.left_out["parameters"] += 1
        then(None)
        return
    where = f' (vhost: "{vhost.name}" / component: "{component}" / key: "{said.name}")'
    put = partial(into.broker.policies.put_parameter, vhost.name, component, said.name)
    _explained(partial(put, said.value, then, said.by or into.by), where)


def _is_known(into: Import, vhost: VirtualHost, said: ParameterItem) -> bool:
    """Is it of a component that we have, and not of a plugin, or of a shovel of another kind?"""
    check = into.broker.policies.components.get(said.component)
    if check is None:
        return said.component in COMPONENTS
    try:
        check(vhost.name, said.name, said.value)
    except Invalid:
        return False
    return True


def _put_policy(into: Import, vhost: VirtualHost, said: PolicyItem, then: Then) -> None:
    definition = {
        key: value
        for key, value in said.definition.items()
        if not key.startswith((MIRRORS, FEDERATION))
    }
    if len(definition) < len(said.definition):
        into.left_out["policies"] += 1
    if said.definition and not definition:
        then(None)
        return
    policy = {**msgspec.to_builtins(said), "definition": definition}
    where = f' (vhost: "{vhost.name}" key: "{said.name}")'
    _explained(partial(into.broker.policies.put, vhost.name, said.name, policy, then), where)


def _explained(put: Callable[[], None], where: str) -> None:
    try:
        put()
    except Invalid as error:
        raise bad_request(f"{error}{where}") from None


def _put_exchange(_: Import, vhost: VirtualHost, said: ExchangeItem, then: Then) -> None:
    if not said.name or said.name.startswith(RESERVED):  # its own are there already
        then(None)
        return
    vhost.declare_exchange(
        said.name,
        said.type,
        durable=said.durable,
        auto_delete=said.auto_delete,
        internal=said.internal,
        arguments=from_json(said.arguments),
        then=then,
    )


def _put_queue(_: Import, vhost: VirtualHost, said: QueueItem, then: Then) -> None:
    if said.name in vhost.queues:
        then(None)  # as RabbitMQ: what is there stays as it is
        return
    vhost.declare_queue(
        said.name,
        durable=said.durable,
        auto_delete=said.auto_delete,
        arguments=from_json(said.arguments),
        then=then,
    )


def _put_binding(_: Import, vhost: VirtualHost, said: BindingItem, then: Then) -> None:
    vhost.bind(
        said.source,
        said.destination,
        said.routing_key,
        from_json(said.arguments),
        to_exchange=said.destination_type == EXCHANGE,
        then=then,
    )


# In the order in which they are made: what is said, who makes it, and is it in a virtual host?
_KINDS: Mapping[str, tuple[Any, Callable[..., None], bool]] = {
    "users": (UserItem, _put_user, False),
    "vhosts": (VhostItem, _put_vhost, False),
    "permissions": (PermissionItem, _put_permission, True),
    "kafka_acls": (AclRecord, _put_acl, False),
    "exchanges": (ExchangeItem, _put_exchange, True),
    "topic_permissions": (TopicPermissionItem, _put_topics, True),
    "global_parameters": (ParameterItem, _put_global, False),
    "policies": (PolicyItem, _put_policy, True),
    "parameters": (ParameterItem, _put_parameter, True),
    "queues": (QueueItem, _put_queue, True),
    "bindings": (BindingItem, _put_binding, True),
}
_OF_USERS = ("users", "permissions", "topic_permissions")
_OF_VHOSTS = ("exchanges", "policies", "parameters", "queues", "bindings")
