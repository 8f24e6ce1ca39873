"""SyncGroup: get one's part of the work; the leader brings everyone's."""

from functools import partial

from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import SyncRequest, SyncResult
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import sync_group as schema

KEY = 14
VERSIONS = range(6)
PROTOCOL = 5


def handle(call: Call, request: schema.SyncGroupRequest) -> None:
    """Sync; the answer comes when the leader has decided."""
    denied = authorization.group_error(call, Operation.READ, request.group_id)
    if denied:
        call.reply(schema.SyncGroupResponse(error_code=denied))
        return
    says_protocol = request.protocol_type is not None and request.protocol_name is not None
    if call.version >= PROTOCOL and not says_protocol:
        code = ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        call.reply(schema.SyncGroupResponse(error_code=code))
        return
    wanted = SyncRequest(
        group=request.group_id,
        member_id=request.member_id,
        generation=request.generation_id,
        instance_id=request.group_instance_id,
        protocol_type=request.protocol_type,
        protocol=request.protocol_name,
        assignments={one.member_id: one.assignment for one in request.assignments},
    )
    call.on_gone = call.nobody_waits  # it waits for other clients, not for the disk
    call.broker.groups.sync(wanted, partial(_reply, call))


def _reply(call: Call, result: SyncResult) -> None:
    call.reply(
        schema.SyncGroupResponse(
            error_code=errors.group_code(result.error),
            protocol_type=result.protocol_type,
            protocol_name=result.protocol,
            assignment=result.assignment,
        )
    )
