"""Exchanges."""

from functools import partial
from operator import attrgetter
from typing import Any

from anymq.core.errors import NotAllowed
from anymq.core.policies.policy import EXCHANGES
from anymq.core.routing.exchange import Exchange
from anymq.core.vhosts import needs
from anymq.core.vhosts.vhost import VirtualHost
from anymq.management.api import applied, checks, routes
from anymq.management.api.call import Call, Then, created, done, exchange_name, when_safe
from anymq.management.api.faults import not_found
from anymq.management.api.values import from_json, to_json
from anymq.management.http import Answer

ROUTES = routes.Routes()
NAME = attrgetter("name")


@ROUTES.get("/exchanges")
def exchanges(call: Call) -> Answer:
    """All exchanges."""
    every = [vhost.exchanges[name] for vhost in call.vhosts for name in sorted(vhost.exchanges)]
    return call.listed(every, partial(row, call), NAME, {"name": NAME})


@ROUTES.get("/exchanges/:vhost")
def exchanges_of_vhost(call: Call) -> Answer:
    """The exchanges of a virtual host."""
    return exchanges(call)


@ROUTES.get("/exchanges/:vhost/:exchange")
def exchange(call: Call) -> Answer:
    """One exchange."""
    return call.shown({**row(call, call.exchange), "incoming": [], "outgoing": []})


@ROUTES.put("/exchanges/:vhost/:exchange")
def put_exchange(call: Call) -> Answer:
    """Declare an exchange."""
    vhost = known_vhost(call)
    name = exchange_name(call.names["exchange"])
    arguments, kind = from_json(call.table("arguments")), call.text("type", "direct")
    checks.declare_exchange(call.permit, name, arguments)

    def begin(then: Then) -> None:
        vhost.declare_exchange(
            name,
            kind,
            durable=call.boolean("durable"),
            auto_delete=call.boolean("auto_delete"),
            internal=call.boolean("internal"),
            arguments=arguments,
            then=then,
        )

    return when_safe(begin, done if name in vhost.exchanges else created)


@ROUTES.delete("/exchanges/:vhost/:exchange")
def delete_exchange(call: Call) -> Answer:
    """Unmake an exchange; `if-unused=true`: unless something is bound to it."""
    name, vhost = call.exchange.name, call.vhost
    if_unused = call.flag("if-unused")
    needs.delete_exchange(call.permit, name)
    return when_safe(lambda then: vhost.delete_exchange(name, if_unused=if_unused, then=then), done)


def known_vhost(call: Call) -> VirtualHost:
    """Return the virtual host something is to be made in."""
    name = call.names["vhost"]
    if name not in call.broker.vhosts:
        raise not_found("vhost_not_found")
    if not call.caller.may_enter(name):
        raise NotAllowed(call.permit.no_entry)
    return call.broker.vhosts[name]


def row(call: Call, one: Exchange) -> dict[str, Any]:
    """Return what there is to say about an exchange."""
    said = one.declaration
    counts = {"publish_in": one.came, "publish_out": one.went}
    stats = {} if not one.came else {"message_stats": call.site.rates.with_rates(one, counts)}
    return {
        **stats,
        "name": said.name,
        "vhost": said.vhost_name,
        "type": said.type,
        "durable": said.durable,
        "auto_delete": said.auto_delete,
        "internal": said.internal,
        "arguments": to_json(said.arguments),
        "user_who_performed_action": "",
        **applied.names_if_any(call.broker.policies.applied(said.vhost_name, EXCHANGES, one.name)),
    }
