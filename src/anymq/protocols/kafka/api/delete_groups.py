"""DeleteGroups: forget groups that have no members, with their offsets."""

from functools import partial

from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import GroupError
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import delete_groups as schema

KEY = 42
VERSIONS = range(4)


def handle(call: Call, request: schema.DeleteGroupsRequest) -> None:
    """Delete each."""
    response = schema.DeleteGroupsResponse()
    pending = Pending(call, response)
    for name in dict.fromkeys(request.groups_names):
        entry = schema.DeletableGroupResult(group_id=name)
        response.results.append(entry)
        denied = authorization.group_error(call, Operation.DELETE, name)
        if denied:
            errors.refuse(entry, denied)
        elif name in call.broker.shares:
            pending.ask(entry, partial(call.broker.shares.delete, name))
        else:
            call.broker.groups.delete(name, partial(_done, entry, pending.entry(entry)))
    pending.all_asked()


def _done(entry: schema.DeletableGroupResult, then: Then, error: GroupError | None) -> None:
    if error is not None:
        errors.refuse(entry, errors.group_code(error), error.value)
    then(None)
