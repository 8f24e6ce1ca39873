"""Definitions going out: all that is declared, as one document that RabbitMQ reads, too."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import msgspec

import anymq
from anymq.core.policies.parameters import POLICY
from anymq.core.rights.accounts import Accounts
from anymq.core.rights.views import User
from anymq.core.vhosts.vhost import RESERVED, VirtualHost
from anymq.management.api.call import Call
from anymq.management.api.parameters import row as parameter_row
from anymq.management.api.policies import row as policy_row
from anymq.management.api.values import to_json
from anymq.management.api.vhosts import metadata_of
from anymq.management.http import JSON, Response, json
from anymq.protocols.amqp.conversation import COMPAT_VERSION

OF_CONFIGURATION = "of_configuration"
KAFKA_ACLS = "kafka_acls"
ROWS_PER_PIECE = 500
INTERNAL = "internal"  # how names of global parameters begin that are of this broker alone

Item = Mapping[str, Any]
Parts = dict[str, Iterable[Item]]


def exported(
    call: Call, said: dict[str, Any], vhosts: list[VirtualHost], *, whole: bool
) -> Response:
    """Gather the document, some of its things at a time."""

    def pieces() -> Generator[bytes, None, Response]:
        document: dict[str, Any] = {
            "rabbit_version": COMPAT_VERSION,
            "rabbitmq_version": COMPAT_VERSION,
            "product_name": "anymq",
            "product_version": anymq.__version__,
            **said,
        }
        for kind, of in (_of_broker(call) if whole else {}).items():
            document[kind] = list(of)
            yield b""
        if whole:
            document[OF_CONFIGURATION] = _of_configuration(call)
            document[KAFKA_ACLS] = [msgspec.to_builtins(one) for one in call.broker.users.acls]
        for kind, make in _OF_VHOSTS.items():
            rows = document[kind] = []
            for vhost in vhosts:
                for row in make(call, vhost):
                    rows.append(_placed(row, vhost, whole=whole))
                    if len(rows) % ROWS_PER_PIECE == 0:
                        yield b""
                yield b""
        return json(document)

    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces())


def _placed(row: Item, vhost: VirtualHost, *, whole: bool) -> Item:
    if whole:
        return {**row, "vhost": vhost.name}
    return {key: value for key, value in row.items() if key != "vhost"}


def _of_broker(call: Call) -> Parts:
    """Return what is of no virtual host. Users come first: others name them."""
    accounts, every = call.broker.users, call.broker.policies
    stored = {one.name for one in accounts.list() if not one.given}
    return {
        "users": (_user(call, one) for one in accounts.list() if not one.given),
        "vhosts": (
            {
                "name": one.name,
                "limits": dict(every.limits(one.name)),
                "metadata": metadata_of(one)["metadata"],
            }
            for one in (call.broker.vhosts[name] for name in sorted(call.broker.vhosts))
        ),
        **_rights(accounts, stored.__contains__),
        "global_parameters": (
            {"name": name, "value": value}
            for name, value in sorted(every.parameters.globals.items())
            if not name.startswith(INTERNAL)
        ),
    }


def _of_configuration(call: Call) -> Mapping[str, list[Item]]:
    """Return what is set for users whom the configuration proves: there is nothing to prove them.

    RabbitMQ does not look there. Among the others it would take their passwords away.
    """
    accounts = call.broker.users
    given = [one for one in accounts.list() if one.given and accounts.is_limited(one.name)]
    users: list[Item] = [{"name": one.name, "tags": list(one.tags)} for one in given]
    rights = _rights(accounts, {one.name for one in given}.__contains__)
    return {"users": users, **{kind: list(rows) for kind, rows in rights.items()}}


def _rights(accounts: Accounts, shown: Callable[[str], bool]) -> Parts:
    permissions, topics = accounts.permissions(), accounts.topic_permissions()
    return {
        "permissions": (asdict(one) for one in permissions if shown(one.user)),
        "topic_permissions": (asdict(one) for one in topics if shown(one.user)),
    }


def _user(call: Call, user: User) -> Item:
    """Return a user. RabbitMQ has no use for our verifiers, and we keep no hash like its own."""
    row: dict[str, Any] = {
        "name": user.name,
        "tags": list(user.tags),
        "limits": dict(call.broker.presence.limits.of(user.name)),
    }
    if user.password_hash:
        row |= {
            "password_hash": user.password_hash,
            "hashing_algorithm": user.hashing_algorithm,
        }
    proofs = call.broker.users.proofs(user.name) or ()
    if len(proofs) > bool(user.password_hash):  # all, as they belong together
        row["verifiers"] = list(proofs)
    return row


def _parameters(call: Call, vhost: VirtualHost) -> Iterable[Item]:
    """Return them as they are set: whoever may see this may see all that is in them."""
    every = call.broker.policies.parameters
    return [
        {**parameter_row(one, whole=True), **_by(every.by(vhost.name, one.component, one.name))}
        for one in every.list(vhost=vhost.name)
        if one.component != POLICY
    ]


def _by(user: str | None) -> Item:
    """Return in whose name a parameter acts, where that was noted."""
    return {} if user is None else {"by": user}


def _policies(call: Call, vhost: VirtualHost) -> Iterable[Item]:
    return [policy_row(one) for one in call.broker.policies.list(vhost.name)]


def _queues(_: Call, vhost: VirtualHost) -> Iterable[Item]:
    return [
        {
            "name": one.name,
            "type": one.kind,
            "durable": one.durable,
            "auto_delete": one.auto_delete,
            "arguments": {"x-queue-type": one.kind, **to_json(one.arguments)},
        }
        for one in vhost.queues.values()
        if one.owner is None
    ]


def _exchanges(_: Call, vhost: VirtualHost) -> Iterable[Item]:
    return [
        {
            "name": one.name,
            "type": one.declaration.type,
            "durable": one.declaration.durable,
            "auto_delete": one.declaration.auto_delete,
            "internal": one.declaration.internal,
            "arguments": to_json(one.declaration.arguments),
        }
        for one in vhost.exchanges.values()
        if one.name and not one.name.startswith(RESERVED)
    ]


def _bindings(_: Call, vhost: VirtualHost) -> Iterable[Item]:
    return [
        {
            "source": one.source.name,
            "destination": one.destination.name,
            "destination_type": one.kind,
            "routing_key": one.key,
            "arguments": to_json(one.arguments),
        }
        for one in vhost.topology.bindings.values()
        if getattr(one.destination, "owner", None) is None
    ]


_OF_VHOSTS: Mapping[str, Callable[[Call, VirtualHost], Iterable[Item]]] = {
    "parameters": _parameters,
    "policies": _policies,
    "queues": _queues,
    "exchanges": _exchanges,
    "bindings": _bindings,
}
