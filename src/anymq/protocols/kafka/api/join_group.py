"""JoinGroup: become a member of a group, or stay one; the answer waits for the others."""

from functools import partial

from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import JoinRequest, JoinResult
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import join_group as schema

KEY = 11
VERSIONS = range(10)
REBALANCE_TIMEOUT = 1
MEMBER_ID_REQUIRED = 4
NULL_PROTOCOL = 7
SKIP_ASSIGNMENT = 9
REASON_LENGTH_MAX = 255


def handle(call: Call, request: schema.JoinGroupRequest) -> None:
    """Join; the answer comes when the generation is complete."""
    denied = authorization.group_error(call, Operation.READ, request.group_id)
    if denied:
        call.reply(schema.JoinGroupResponse(error_code=denied, member_id=request.member_id))
        return
    call.on_gone = call.nobody_waits  # it waits for other clients, not for the disk
    call.broker.groups.join(_wanted(call, request), partial(_reply, call))


def _wanted(call: Call, request: schema.JoinGroupRequest) -> JoinRequest:
    # The first version has one time-out for everything.
    rebalance_ms = (
        request.rebalance_timeout_ms
        if call.version >= REBALANCE_TIMEOUT
        else request.session_timeout_ms
    )
    return JoinRequest(
        group=request.group_id,
        protocol_type=request.protocol_type,
        protocols=tuple((one.name, one.metadata) for one in request.protocols),
        session_timeout_ms=request.session_timeout_ms,
        rebalance_timeout_ms=rebalance_ms,
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        client_id=call.client_id,
        client_host=f"/{call.session.peer.host}",
        knows_member_id_required=call.version >= MEMBER_ID_REQUIRED,
        knows_skip_assignment=call.version >= SKIP_ASSIGNMENT,
        reason=request.reason and request.reason[:REASON_LENGTH_MAX],
    )


def _reply(call: Call, result: JoinResult) -> None:
    protocol = result.protocol
    if protocol is None and call.version < NULL_PROTOCOL:
        protocol = ""
    call.reply(
        schema.JoinGroupResponse(
            error_code=errors.group_code(result.error),
            generation_id=result.generation,
            protocol_type=result.protocol_type,
            protocol_name=protocol,
            leader=result.leader,
            skip_assignment=result.skip_assignment,
            member_id=result.member_id,
            members=[
                schema.JoinGroupResponseMember(one.id, one.instance_id, one.subscription)
                for one in result.members
            ],
        )
    )
