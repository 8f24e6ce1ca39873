"""DescribeGroups: who is in a group, and what they read."""

from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import GroupDescription, MemberDescription, State
from anymq.protocols.kafka import authorization, errors, operations
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import describe_groups as schema

KEY = 15
VERSIONS = range(7)
NOT_FOUND = 6


def handle(call: Call, request: schema.DescribeGroupsRequest) -> None:
    """Answer for each group."""
    names = dict.fromkeys(request.groups)  # each once: a few bytes ask for all its members
    rights_asked = request.include_authorized_operations
    groups = [_answer(call, name, rights_asked=rights_asked) for name in names]
    call.reply(schema.DescribeGroupsResponse(groups=groups))


def _answer(call: Call, name: str, *, rights_asked: bool) -> schema.DescribedGroup:
    if not authorization.may_group(call, Operation.DESCRIBE, name):
        entry = schema.DescribedGroup(group_id=name)
        code = ErrorCode.GROUP_AUTHORIZATION_FAILED
        errors.refuse(entry, code, "Group authorization failed.")
        return entry
    entry = _describe(call, call.broker.groups.describe(name))
    entry.authorized_operations = operations.on_group(call.session.access, name, asked=rights_asked)
    return entry


def _describe(call: Call, group: GroupDescription) -> schema.DescribedGroup:
    entry = schema.DescribedGroup(
        group_id=group.name,
        group_state=group.state.value,
        protocol_type=group.protocol_type,
        protocol_data=group.protocol,
        members=[_member(member) for member in group.members],
    )
    # Older versions have no error for it: a group that is not there is dead.
    if group.state is State.DEAD and call.version >= NOT_FOUND:
        errors.refuse(entry, ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group.name} not found.")
    return entry


def _member(member: MemberDescription) -> schema.DescribedGroupMember:
    return schema.DescribedGroupMember(
        member_id=member.id,
        group_instance_id=member.instance_id,
        client_id=member.client_id,
        client_host=member.client_host,
        member_metadata=member.subscription,
        member_assignment=member.assignment,
    )
