"""Virtual hosts."""

from functools import partial
from typing import Any

from anymq.core.vhosts.vhost import VirtualHost
from anymq.core.vhosts.vhosts import DEFAULT
from anymq.management.api import routes
from anymq.management.api.call import Call, Then, created, done, when_safe
from anymq.management.api.faults import bad_request
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
    """Make a virtual host; `tracing` turns its firehose on and off."""
    name = call.names["vhost"]
    if not name or len(name.encode(errors="surrogatepass")) > NAME_BYTES_MAX:
        raise bad_request("a name has 1 to 255 bytes")
    answer = done if name in call.broker.vhosts else created
    return when_safe(partial(_create, call, name), answer)


def _create(call: Call, name: str, then: Then) -> None:
    """Make it; as with RabbitMQ, who makes one may do everything in it."""
    new = name not in call.broker.vhosts
    call.broker.create_vhost(name, then)
    if "tracing" in call.body:
        call.broker.vhosts[name].tracing.firehose = call.boolean("tracing")
    if new and not call.caller.may_enter(name):
        call.broker.users.set_permissions(call.caller.name, name, ".*", ".*", ".*")


@ROUTES.delete("/vhosts/:vhost", routes.ADMINISTRATOR)
def delete_vhost(call: Call) -> Answer:
    """Unmake a virtual host with all that is in it."""
    name = call.vhosts_to_see[0].name
    return when_safe(lambda then: call.broker.delete_vhost(name, then), done)


def _name(one: VirtualHost) -> str:
    return one.name


def metadata_of(one: VirtualHost) -> dict[str, Any]:
    """Return what is said of a virtual host beside its name."""
    description = "Default virtual host" if one.name == DEFAULT else ""
    said = {"description": description, "tags": [], "default_queue_type": one.default_queue_type}
    return {"description": description, "metadata": said}


def _row(call: Call, one: VirtualHost, totals: Totals) -> dict[str, Any]:
    return {
        "name": one.name,
        "tags": [],
        "default_queue_type": one.default_queue_type,
        **metadata_of(one),
        "protected_from_deletion": False,
        "tracing": one.tracing.firehose,
        "cluster_state": {call.site.node: "running"},
        **call.site.rates.with_rates(one, totals.messages),
    }
