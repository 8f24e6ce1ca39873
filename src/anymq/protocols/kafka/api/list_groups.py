"""ListGroups: which groups there are."""

from collections.abc import Iterator, Sequence

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import list_groups as schema

KEY = 16
VERSIONS = range(6)
TYPES = 5

SHARE = "share"


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
    groups += [
        schema.ListedGroup(name, SHARE, state, SHARE)
        for name, state in _shares(call, request)
        if every or authorization.may_group(call, Operation.DESCRIBE, name)
    ]
    call.reply(schema.ListGroupsResponse(groups=groups))


def _shares(call: Call, request: schema.ListGroupsRequest) -> Iterator[tuple[str, str]]:
    """Yield share groups with their states. Who does not say types knows none but the classic."""
    if call.version < TYPES or not _wants(SHARE, request.types_filter):
        return
    shares = call.broker.shares
    for name in sorted(shares.names()):
        state = shares.state(name)
        if _wants(state, request.states_filter):
            yield name, state


def _wants(word: str, wanted: Sequence[str]) -> bool:
    return not wanted or word.lower() in {one.strip().lower() for one in wanted}
