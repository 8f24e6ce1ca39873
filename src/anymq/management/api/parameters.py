"""Parameters of components in virtual hosts, and global ones."""

from functools import partial
from typing import Any

from anymq.core.policies.parameters import POLICY, Parameter
from anymq.management.api import routes
from anymq.management.api.call import Call, created, done, when_safe
from anymq.management.api.exchanges import known_vhost
from anymq.management.api.faults import bad_request, no_object, not_authorized
from anymq.management.http import Answer
from anymq.shovels.definition import COMPONENT as SHOVEL
from anymq.shovels.uris import redacted_value

ROUTES = routes.Routes()
POLICYMAKER = routes.POLICYMAKER
CLUSTER_NAME = "cluster_name"


@ROUTES.get("/parameters", POLICYMAKER)
def parameters(call: Call) -> Answer:
    """All parameters but policies."""
    return _listed(call, None)


@ROUTES.get("/parameters/:component", POLICYMAKER)
def parameters_of_component(call: Call) -> Answer:
    """The parameters of a component."""
    return _listed(call, call.names["component"])


@ROUTES.get("/parameters/:component/:vhost", POLICYMAKER)
def parameters_of_vhost(call: Call) -> Answer:
    """The parameters of a component in a virtual host."""
    return _listed(call, call.names["component"])


@ROUTES.get("/parameters/:component/:vhost/:name", POLICYMAKER)
def parameter(call: Call) -> Answer:
    """One parameter."""
    return call.shown(row(_found(call)))


@ROUTES.put("/parameters/:component/:vhost/:name", POLICYMAKER)
def put_parameter(call: Call) -> Answer:
    """Set a parameter: its `value`. Policies have routes of their own."""
    vhost, component, name = known_vhost(call).name, call.names["component"], call.names["name"]
    call.need("value")
    _check_component(call, component)
    there = name in call.broker.policies.parameters.of(vhost, component)
    put = partial(call.broker.policies.put_parameter, vhost, component, name, call.body["value"])
    by = call.caller.name if component == SHOVEL else None
    return when_safe(lambda then: put(then=then, by=by), done if there else created)


@ROUTES.delete("/parameters/:component/:vhost/:name", POLICYMAKER)
def delete_parameter(call: Call) -> Answer:
    """Unmake a parameter."""
    one = _found(call)
    if one.component == POLICY:
        raise bad_request("policies may not be cleared using this method")
    _check_component(call, one.component)
    delete = partial(call.broker.policies.parameters.delete, one.vhost, one.component, one.name)
    return when_safe(lambda then: delete(then=then), done)


@ROUTES.get("/global-parameters", POLICYMAKER)
def global_parameters(call: Call) -> Answer:
    """All global parameters."""
    return call.listed(global_rows(call), lambda one: one, lambda one: str(one["name"]))


@ROUTES.get("/global-parameters/:name", POLICYMAKER)
def global_parameter(call: Call) -> Answer:
    """One global parameter."""
    for one in global_rows(call):
        if one["name"] == call.names["name"]:
            return call.shown(one)
    raise no_object()


@ROUTES.put("/global-parameters/:name", POLICYMAKER)
def put_global_parameter(call: Call) -> Answer:
    """Set a global parameter: its `value`."""
    call.need("value")
    return _put_global(call, call.names["name"], call.body["value"])


@ROUTES.delete("/global-parameters/:name", POLICYMAKER)
def delete_global_parameter(call: Call) -> Answer:
    """Unmake a global parameter."""
    every, name = call.broker.policies.parameters, call.names["name"]
    if name not in every.globals:
        raise no_object()
    return when_safe(lambda then: every.delete_global(name, then), done)


@ROUTES.put("/cluster-name", routes.ADMINISTRATOR)
def put_cluster_name(call: Call) -> Answer:
    """Give this broker another name, for people: `name`."""
    call.need("name")
    every = call.broker.policies.parameters
    name = call.text("name")
    return when_safe(lambda then: every.put_global(CLUSTER_NAME, name, then), done)


def row(one: Parameter, *, whole: bool = False) -> dict[str, Any]:
    """Return what there is to say about a parameter; without secrets, unless it is `whole`."""
    value = redacted_value(one.value) if one.component == SHOVEL and not whole else one.value
    return {"value": value, "vhost": one.vhost, "component": one.component, "name": one.name}


def global_rows(call: Call) -> list[dict[str, Any]]:
    """Return the global parameters, and what RabbitMQ shows among them."""
    own = {"internal_cluster_id": call.broker.cluster_id}
    said = {**own, **call.broker.policies.parameters.globals}
    return [{"name": name, "value": said[name]} for name in sorted(said)]


def _listed(call: Call, component: str | None) -> Answer:
    every = call.broker.policies.parameters
    found = [
        one
        for vhost in call.vhosts
        for one in every.list(component, vhost.name)
        if component is not None or one.component != POLICY
    ]
    return call.listed(found, row, lambda one: one.name)


def _found(call: Call) -> Parameter:
    vhost, component, name = call.vhost.name, call.names["component"], call.names["name"]
    values = call.broker.policies.parameters.of(vhost, component)
    if name not in values:
        raise no_object()
    return Parameter(name, values[name], vhost, component)


def _check_component(call: Call, component: str) -> None:
    """What only an administrator may change by its own routes, nobody else changes by this one."""
    if component not in (POLICY, SHOVEL) and not call.caller.may_use(routes.ADMINISTRATOR):
        raise not_authorized()


def _put_global(call: Call, name: str, value: Any) -> Answer:
    every = call.broker.policies.parameters
    answer = done if name in every.globals else created
    return when_safe(lambda then: every.put_global(name, value, then), answer)
