"""FindCoordinator: who looks after a group: always we."""

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import find_coordinator as schema

KEY = 10
VERSIONS = range(7)
SEVERAL_KEYS = 4

GROUP = 0
TRANSACTION = 1

_NO_NODE = (-1, "", -1)


def handle(call: Call, request: schema.FindCoordinatorRequest) -> None:
    """Answer for one key, or in newer versions for several."""
    if call.version >= SEVERAL_KEYS:
        found = [_find(call, key, request.key_type) for key in request.coordinator_keys]
        call.reply(schema.FindCoordinatorResponse(coordinators=found))
        return
    one = _find(call, request.key, request.key_type)
    call.reply(
        schema.FindCoordinatorResponse(
            error_code=one.error_code,
            error_message=one.error_message,
            node_id=one.node_id,
            host=one.host,
            port=one.port,
        )
    )


def _find(call: Call, key: str, key_type: int) -> schema.Coordinator:
    denied = authorization.group_error(call, Operation.DESCRIBE, key)
    if key_type == GROUP and denied:
        node_id, host, port = _NO_NODE
        entry = schema.Coordinator(key=key, node_id=node_id, host=host, port=port)
        errors.refuse(entry, denied, "Group authorization failed.")
        return entry
    if key_type == GROUP:
        host, port = call.session.advertised
        return schema.Coordinator(key=key, node_id=call.broker.node_id, host=host, port=port)
    node_id, host, port = _NO_NODE
    entry = schema.Coordinator(key=key, node_id=node_id, host=host, port=port)
    if key_type == TRANSACTION:
        # What every client takes for final, instead of asking again and again.
        code = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        errors.refuse(entry, code, "transactions are not supported yet")
    else:
        errors.refuse(entry, ErrorCode.INVALID_REQUEST, f"nobody coordinates type {key_type}")
    return entry
