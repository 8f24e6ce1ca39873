"""ListGroups: which groups there are."""

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import list_groups as schema

KEY = 16
VERSIONS = range(6)


def handle(call: Call, request: schema.ListGroupsRequest) -> None:
    """Answer with those in the states and of the types asked for, if the client may see them.

    No states or types asked for: all.
    """
    every = call.session.access.may_cluster(Operation.DESCRIBE)
    groups = [
        schema.ListedGroup(one.name, one.protocol_type, one.state.value, one.type)
        for one in call.broker.groups.list(request.states_filter, request.types_filter)
        if every or authorization.may_group(call, Operation.DESCRIBE, one.name)
    ]
    call.reply(schema.ListGroupsResponse(groups=groups))
