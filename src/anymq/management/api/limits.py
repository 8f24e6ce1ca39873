"""Limits of virtual hosts and of users."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from anymq.management.api import routes
from anymq.management.api.call import Call, Then, done, when_safe
from anymq.management.api.faults import bad_request, no_object, not_authorized, not_found
from anymq.management.http import Answer

ROUTES = routes.Routes()
ADMIN = routes.ADMINISTRATOR


@ROUTES.get("/vhost-limits")
def vhost_limits(call: Call) -> Answer:
    """The limits of all virtual hosts that have some."""
    return _listed_vhosts(call)


@ROUTES.get("/vhost-limits/:vhost")
def limits_of_vhost(call: Call) -> Answer:
    """The limits of a virtual host."""
    return _listed_vhosts(call)


@ROUTES.put("/vhost-limits/:vhost/:name", ADMIN)
def put_vhost_limit(call: Call) -> Answer:
    """Limit a virtual host: `max-connections` or `max-queues`, to `value`; negative: no limit."""
    vhost = _vhost(call)
    call.need("value")
    put = partial(call.broker.policies.put_limit, vhost, call.names["name"], call.body["value"])
    return when_safe(lambda then: put(then=then), done)


@ROUTES.delete("/vhost-limits/:vhost/:name", ADMIN)
def delete_vhost_limit(call: Call) -> Answer:
    """Limit a virtual host no more in this."""
    clear = partial(call.broker.policies.clear_limit, _vhost(call), call.names["name"])
    return when_safe(lambda then: clear(then=then), done)


@ROUTES.get("/user-limits", ADMIN)
def user_limits(call: Call) -> Answer:
    """The limits of all users that have some."""
    return _listed_users(call, list(call.broker.users))


@ROUTES.get("/user-limits/:user", routes.USER)
def limits_of_user(call: Call) -> Answer:
    """The limits of a user; everybody may see his own."""
    name = call.names["user"]
    if name != call.caller.name and not call.caller.may_use(routes.MONITORING):
        raise not_authorized()
    if name not in call.broker.users:
        raise no_object()
    return _listed_users(call, [name])


@ROUTES.put("/user-limits/:user/:name", ADMIN)
def put_user_limit(call: Call) -> Answer:
    """Limit a user: `max-connections` or `max-channels`, to `value`; negative: no limit."""
    user, name = call.names["user"], call.names["name"]
    call.need("value")
    if user not in call.broker.users:
        raise bad_request(["no_such_user", user])
    limits = {name: call.body["value"]}
    return _changed(partial(call.broker.presence.limits.put, user, limits))


@ROUTES.delete("/user-limits/:user/:name", ADMIN)
def delete_user_limit(call: Call) -> Answer:
    """Limit a user no more in this; `all`: in nothing."""
    user = call.names["user"]
    if user not in call.broker.users:
        raise not_found("user_not_found")
    return _changed(partial(call.broker.presence.limits.clear, user, call.names["name"]))


def _changed(change: Any) -> Answer:
    def begin(then: Then) -> None:
        change(then=then)

    return when_safe(begin, done)


def _vhost(call: Call) -> str:
    if call.names["vhost"] not in call.broker.vhosts:
        raise not_found("vhost_not_found")
    return call.names["vhost"]


def _listed_vhosts(call: Call) -> Answer:
    limits = {one.name: call.broker.policies.limits(one.name) for one in call.vhosts_to_see}
    return _listed(call, limits, "vhost")


def _listed_users(call: Call, users: list[str]) -> Answer:
    return _listed(call, {name: call.broker.presence.limits.of(name) for name in users}, "user")


def _listed(call: Call, limits: Mapping[str, Mapping[str, int]], of: str) -> Answer:
    rows = [{of: name, "value": dict(value)} for name, value in limits.items() if value]
    return call.listed(rows, lambda one: one, lambda one: str(one[of]))
