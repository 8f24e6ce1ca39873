"""Shovels: how they are, and to begin anew with one. They are made as parameters."""

from functools import partial
from time import localtime, strftime
from typing import Any

from anymq.core.policies.parameters import Parameter
from anymq.management.api import routes
from anymq.management.api.call import Call, done, when_safe
from anymq.management.api.faults import no_object
from anymq.management.api.parameters import row as parameter_row
from anymq.management.http import Answer
from anymq.shovels.definition import COMPONENT
from anymq.shovels.shovel import Shovel

ROUTES = routes.Routes()
MONITORING = routes.MONITORING
POLICYMAKER = routes.POLICYMAKER


@ROUTES.get("/shovels", MONITORING)
def shovels(call: Call) -> Answer:
    """How all shovels are."""
    return _listed(call, {vhost.name for vhost in call.vhosts})


@ROUTES.get("/shovels/:vhost", MONITORING)
def shovels_of_vhost(call: Call) -> Answer:
    """How the shovels of a virtual host are."""
    return _listed(call, {call.vhost.name})


@ROUTES.get("/shovels/vhost/:vhost/:name", MONITORING)
def shovel(call: Call) -> Answer:
    """What a shovel is told to do, without the secrets in its URIs."""
    return call.shown(parameter_row(_found(call)))


@ROUTES.delete("/shovels/vhost/:vhost/:name", POLICYMAKER)
def delete_shovel(call: Call) -> Answer:
    """Unmake a shovel; one that is not there is gone, too."""
    vhost, name = call.vhost.name, call.names["name"]
    delete = partial(call.broker.policies.parameters.delete, vhost, COMPONENT, name)
    return when_safe(lambda then: delete(then=then), done)


@ROUTES.get("/shovels/vhost/:vhost/:name/restart", MONITORING)
def shovel_to_restart(call: Call) -> Answer:
    """The same as without `restart`: only DELETE begins anew."""
    return shovel(call)


@ROUTES.delete("/shovels/vhost/:vhost/:name/restart", POLICYMAKER)
def restart_shovel(call: Call) -> Answer:
    """Begin anew with a shovel: close its connections, connect at once."""
    one = _found(call)
    running = call.site.shovels.find(one.vhost, one.name)
    if running is None:
        raise no_object()
    running.restart()
    return done()


def _listed(call: Call, vhosts: set[str]) -> Answer:
    found = [one for one in call.site.shovels.list() if one.vhost in vhosts]
    found.sort(key=lambda one: (one.vhost, one.name))
    return call.listed(found, partial(_row, call), lambda one: one.name)


def _row(call: Call, one: Shovel) -> dict[str, Any]:
    changed = localtime(one.changed_ms / 1000)
    at = f"{strftime('%Y-%m-%d', changed)} {changed.tm_hour}:{strftime('%M:%S', changed)}"
    return {"node": call.site.node, "timestamp": at, **one.status()}


def _found(call: Call) -> Parameter:
    vhost, name = call.vhost.name, call.names["name"]
    values = call.broker.policies.parameters.of(vhost, COMPONENT)
    if name not in values:
        raise no_object()
    return Parameter(name, values[name], vhost, COMPONENT)
