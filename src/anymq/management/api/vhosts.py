"""Virtual hosts."""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec

from anymq.core.routing.records import VhostRecord
from anymq.core.vhosts.vhost import VirtualHost
from anymq.core.vhosts.vhosts import DEFAULT
from anymq.management.api import routes
from anymq.management.api.call import Call, Then, created, done, when_safe
from anymq.management.api.faults import Fault, bad_request, no_object, not_found
from anymq.management.api.overview import with_sums
from anymq.management.api.totals import Totals
from anymq.management.http import Answer

ROUTES = routes.Routes()
NAME_BYTES_MAX = 255


@ROUTES.get("/vhosts")
def vhosts(call: Call) -> Answer:
    """All virtual hosts."""
    visible = call.vhosts_to_see
    return with_sums(
        call,
        lambda sums: call.listed(
            visible,
            lambda vhost: _row(call, vhost, sums.by_vhost.get(vhost.name, Totals())),
            _name,
        ),
    )


@ROUTES.get("/vhosts/:vhost")
def vhost(call: Call) -> Answer:
    """One virtual host."""
    (one,) = call.vhosts_to_see
    return with_sums(
        call, lambda sums: call.shown(_row(call, one, sums.by_vhost.get(one.name, Totals())))
    )


@ROUTES.put("/vhosts/:vhost", routes.ADMINISTRATOR)
def put_vhost(call: Call) -> Answer:
    """Make or change a virtual host: `description`, `tags`, `default_queue_type`, `tracing`.

    With `topic_addresses` false, topics and what is published to `amq.topic` have nothing to do
    with each other.
    """
    name = call.names["vhost"]
    check_name(name)
    there = call.broker.vhosts.get(name)
    record = record_of(call.body, there)
    return when_safe(partial(_put, call, name, record), done if there else created)


def check_name(name: str) -> None:
    """Refuse a name that no virtual host can have."""
    if not name or len(name.encode(errors="surrogatepass")) > NAME_BYTES_MAX:
        raise bad_request("a name has 1 to 255 bytes")


def record_of(said: Mapping[str, Any], there: VirtualHost | None) -> VhostRecord:
    """Return what somebody says of a virtual host; what he does not say is as for a new one."""
    tags = said.get("tags") or ()
    tags = [tag.strip() for tag in tags.split(",")] if isinstance(tags, str) else tags
    description = said.get("description") or ""
    kind = said.get("default_queue_type") or said.get("defaultqueuetype") or ""
    if not isinstance(tags, Sequence) or not all(isinstance(tag, str) for tag in tags):
        raise bad_request("tags are a list, or text with commas between")
    if not isinstance(description, str) or not isinstance(kind, str):
        raise bad_request("description and default_queue_type are text")
    kept = VhostRecord() if there is None else there.record
    return VhostRecord(
        description,
        tuple(tag for tag in tags if tag),
        "" if kind == "undefined" else kind,
        bool(said.get("protected_from_deletion", kept.protected)),
        bool(said.get("topic_addresses", kept.topic_addresses)),
    )


def _put(call: Call, name: str, record: VhostRecord, then: Then) -> None:
    """Make it; as with RabbitMQ, who makes one may do everything in it."""
    new = name not in call.broker.vhosts
    call.broker.put_vhost(name, record, then)
    if "tracing" in call.body:
        call.broker.vhosts[name].tracing.firehose = call.boolean("tracing")
    if new and not call.caller.may_enter(name):
        call.broker.users.set_permissions(call.caller.name, name, ".*", ".*", ".*")


@ROUTES.post("/vhosts/:vhost/deletion/protection", routes.ADMINISTRATOR)
def protect_vhost(call: Call) -> Answer:
    """Let nobody delete a virtual host."""
    if (name := call.names["vhost"]) not in call.broker.vhosts:
        raise not_found(
            f"Cannot enable deletion protection of virtual host '{name}' because it does not exist"
        )
    return _protected(call, protected=True)


@ROUTES.delete("/vhosts/:vhost/deletion/protection", routes.ADMINISTRATOR)
def unprotect_vhost(call: Call) -> Answer:
    """Let a virtual host be deleted again."""
    return _protected(call, protected=False)


def _protected(call: Call, *, protected: bool) -> Answer:
    one = call.broker.vhosts.get(call.names["vhost"])
    if one is None:
        raise no_object()
    record = msgspec.structs.replace(one.record, protected=protected)
    return when_safe(partial(call.broker.put_vhost, one.name, record), done)


@ROUTES.post("/vhosts/:vhost/start/:node", routes.ADMINISTRATOR)
def start_vhost(call: Call) -> Answer:
    """Start a virtual host; all that are there run."""
    if call.names["vhost"] not in call.broker.vhosts or call.names["node"] != call.site.node:
        raise no_object()
    return done()


@ROUTES.delete("/vhosts/:vhost", routes.ADMINISTRATOR)
def delete_vhost(call: Call) -> Answer:
    """Unmake a virtual host with all that is in it."""
    name = call.vhosts_to_see[0].name
    if call.broker.vhosts[name].record.protected:
        reason = f"Refusing to delete virtual host '{name}' because it is protected from deletion"
        raise Fault(HTTPStatus.PRECONDITION_FAILED, "precondition_failed", reason)
    return when_safe(lambda then: call.broker.delete_vhost(name, then), done)


def _name(one: VirtualHost) -> str:
    return one.name


def metadata_of(one: VirtualHost) -> dict[str, Any]:
    """Return what is said of a virtual host beside its name."""
    description = one.record.description or _about(one)
    said: dict[str, Any] = {
        "description": description,
        "tags": list(one.record.tags),
        "default_queue_type": one.default_queue_type,
    }
    if one.record.protected:
        said["protected_from_deletion"] = True
    if not one.record.topic_addresses:
        said["topic_addresses"] = False
    return {"description": description, "metadata": said}


def _about(one: VirtualHost) -> str:
    return "Default virtual host" if one.name == DEFAULT else ""


def _row(call: Call, one: VirtualHost, totals: Totals) -> dict[str, Any]:
    return {
        "name": one.name,
        "tags": list(one.record.tags),
        "default_queue_type": one.default_queue_type,
        **metadata_of(one),
        "protected_from_deletion": one.record.protected,
        "topic_addresses": one.record.topic_addresses,
        "tracing": one.tracing.firehose,
        "cluster_state": {call.site.node: "running"},
        **call.site.rates.with_rates(one, totals.messages),
    }
