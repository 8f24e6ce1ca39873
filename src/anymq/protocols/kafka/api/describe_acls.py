"""DescribeAcls: the rules that there are."""

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import acls, authorization, errors
from anymq.protocols.kafka.acls import Described
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.errors import InvalidRequest
from anymq.protocols.kafka.schema.generated import describe_acls as schema

KEY = 29
VERSIONS = range(1, 4)

Resource = tuple[int, str, int]


def handle(call: Call, request: schema.DescribeAclsRequest) -> None:
    """Answer with those that the filter means, by resource."""
    response = schema.DescribeAclsResponse()
    # Who may do what is for administrators only, as by the HTTP API.
    denied = authorization.cluster_error(call, Operation.ALTER)
    if denied:
        errors.refuse(response, denied, "Cluster authorization failed.")
        call.reply(response)
        return
    try:
        response.resources = _found(call, request)
    except InvalidRequest as error:
        errors.explain(response, error)
    call.reply(response)


def _found(call: Call, request: schema.DescribeAclsRequest) -> list[schema.DescribeAclsResource]:
    matches = acls.matcher(request)
    by_resource: dict[Resource, list[Described]] = {}
    for one in map(acls.described, call.broker.users.acls):
        if matches(one):
            resource = (one.resource_type, one.resource_name, one.pattern_type)
            by_resource.setdefault(resource, []).append(one)
    return [
        schema.DescribeAclsResource(*resource, acls=[_entry(one) for one in rules])
        for resource, rules in by_resource.items()
    ]


def _entry(one: Described) -> schema.AclDescription:
    return schema.AclDescription(one.principal, one.host, one.operation, one.permission_type)
