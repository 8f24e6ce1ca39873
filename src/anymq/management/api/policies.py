"""Policies, and the operator's."""

from functools import partial
from typing import Any

from anymq.core.policies.policy import Policy
from anymq.management.api import routes
from anymq.management.api.call import Call, created, done, when_safe
from anymq.management.api.exchanges import known_vhost
from anymq.management.api.faults import no_object
from anymq.management.http import Answer

ROUTES = routes.Routes()
POLICYMAKER, ADMIN = routes.POLICYMAKER, routes.ADMINISTRATOR


@ROUTES.get("/policies")
def policies(call: Call) -> Answer:
    """All policies."""
    return _listed(call, operator=False)


@ROUTES.get("/policies/:vhost")
def policies_of_vhost(call: Call) -> Answer:
    """The policies of a virtual host."""
    return _listed(call, operator=False)


@ROUTES.get("/policies/:vhost/:name", POLICYMAKER)
def policy(call: Call) -> Answer:
    """One policy."""
    return call.shown(row(_found(call, operator=False)))


@ROUTES.put("/policies/:vhost/:name", POLICYMAKER)
def put_policy(call: Call) -> Answer:
    """Make or change a policy: `pattern`, `definition`, `priority`, `apply-to`."""
    return _put(call, operator=False)


@ROUTES.delete("/policies/:vhost/:name", POLICYMAKER)
def delete_policy(call: Call) -> Answer:
    """Unmake a policy."""
    return _delete(call, operator=False)


@ROUTES.get("/operator-policies")
def operator_policies(call: Call) -> Answer:
    """All policies of the operator."""
    return _listed(call, operator=True)


@ROUTES.get("/operator-policies/:vhost")
def operator_policies_of_vhost(call: Call) -> Answer:
    """The operator's policies of a virtual host."""
    return _listed(call, operator=True)


@ROUTES.get("/operator-policies/:vhost/:name", ADMIN)
def operator_policy(call: Call) -> Answer:
    """One policy of the operator."""
    return call.shown(row(_found(call, operator=True)))


@ROUTES.put("/operator-policies/:vhost/:name", ADMIN)
def put_operator_policy(call: Call) -> Answer:
    """Make or change a policy of the operator: limits that no other policy can exceed."""
    return _put(call, operator=True)


@ROUTES.delete("/operator-policies/:vhost/:name", ADMIN)
def delete_operator_policy(call: Call) -> Answer:
    """Unmake a policy of the operator."""
    return _delete(call, operator=True)


def row(one: Policy) -> dict[str, Any]:
    """Return what there is to say about a policy."""
    return {
        "vhost": one.vhost,
        "name": one.name,
        "pattern": one.pattern,
        "apply-to": one.apply_to,
        "definition": one.definition,
        "priority": one.priority,
    }


def _listed(call: Call, *, operator: bool) -> Answer:
    every = call.broker.policies
    found = [one for vhost in call.vhosts for one in every.list(vhost.name, operator=operator)]
    return call.listed(found, row, lambda one: one.name)


def _found(call: Call, *, operator: bool) -> Policy:
    vhost, name = call.vhost.name, call.names["name"]
    for one in call.broker.policies.list(vhost, operator=operator):
        if one.name == name:
            return one
    raise no_object()


def _put(call: Call, *, operator: bool) -> Answer:
    vhost, name = known_vhost(call).name, call.names["name"]
    call.need("pattern", "definition")
    every = call.broker.policies
    put = partial(every.put, vhost, name, call.body, operator=operator)
    there = any(one.name == name for one in every.list(vhost, operator=operator))
    return when_safe(lambda then: put(then=then), done if there else created)


def _delete(call: Call, *, operator: bool) -> Answer:
    one = _found(call, operator=operator)
    delete = partial(call.broker.policies.delete, one.vhost, one.name, operator=operator)
    return when_safe(lambda then: delete(then=then), done)
