"""Heartbeat: a member lives, and hears whether its group goes on."""

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import heartbeat as schema

KEY = 12
VERSIONS = range(5)


def handle(call: Call, request: schema.HeartbeatRequest) -> None:
    """Answer at once."""
    denied = authorization.group_error(call, Operation.READ, request.group_id)
    if denied:
        call.reply(schema.HeartbeatResponse(error_code=denied))
        return
    error = call.broker.groups.heartbeat(
        request.group_id, request.member_id, request.generation_id, request.group_instance_id
    )
    call.reply(schema.HeartbeatResponse(error_code=errors.group_code(error)))
