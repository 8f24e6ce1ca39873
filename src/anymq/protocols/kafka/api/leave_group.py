"""LeaveGroup: members go; the others need not wait until they are missed."""

from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import GroupError, Leaver
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import leave_group as schema

KEY = 13
VERSIONS = range(6)
SEVERAL_MEMBERS = 3


def handle(call: Call, request: schema.LeaveGroupRequest) -> None:
    """Let go whoever is named, and answer for each."""
    denied = authorization.group_error(call, Operation.READ, request.group_id)
    if denied:
        call.reply(schema.LeaveGroupResponse(error_code=denied))
    elif call.version < SEVERAL_MEMBERS:
        said = call.broker.groups.leave(request.group_id, [Leaver(request.member_id)])
        call.reply(schema.LeaveGroupResponse(error_code=errors.group_code(said[0])))
    elif not request.group_id:
        call.reply(schema.LeaveGroupResponse(error_code=ErrorCode.INVALID_GROUP_ID))
    else:
        leavers = [Leaver(m.member_id, m.group_instance_id, m.reason) for m in request.members]
        said = call.broker.groups.leave(request.group_id, leavers)
        members = [_entry(*pair) for pair in zip(request.members, said, strict=True)]
        call.reply(schema.LeaveGroupResponse(members=members))


def _entry(member: schema.MemberIdentity, error: GroupError | None) -> schema.MemberResponse:
    return schema.MemberResponse(
        member.member_id, member.group_instance_id, errors.group_code(error)
    )
