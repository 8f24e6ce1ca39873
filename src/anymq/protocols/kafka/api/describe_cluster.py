"""DescribeCluster: its name and its nodes."""

from anymq.protocols.kafka import errors, operations
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import describe_cluster as schema

KEY = 60
VERSIONS = range(3)
ENDPOINT_TYPES = 1

BROKERS = 1
CONTROLLERS = 2


def handle(call: Call, request: schema.DescribeClusterRequest) -> None:
    """Answer with ourselves."""
    response = schema.DescribeClusterResponse()
    code = _endpoint_error(request.endpoint_type)
    if code is not ErrorCode.NONE:
        old = call.version < ENDPOINT_TYPES
        why = f"This is an endpoint of type {BROKERS}, not {request.endpoint_type}"
        errors.refuse(response, ErrorCode.INVALID_REQUEST if old else code, why)
    else:
        _describe(call, response, request.include_cluster_authorized_operations)
    call.reply(response)


def _endpoint_error(endpoint_type: int) -> ErrorCode:
    if endpoint_type == BROKERS:
        return ErrorCode.NONE
    if endpoint_type == CONTROLLERS:
        return ErrorCode.MISMATCHED_ENDPOINT_TYPE
    return ErrorCode.UNSUPPORTED_ENDPOINT_TYPE


def _describe(call: Call, response: schema.DescribeClusterResponse, rights_asked: bool) -> None:
    session, broker = call.session, call.broker
    host, port = session.advertised
    response.cluster_id = broker.cluster_id
    response.controller_id = broker.node_id
    response.brokers = [
        schema.DescribeClusterBroker(
            broker.node_id, host, port, session.kafka.settings.rack or None
        )
    ]
    response.cluster_authorized_operations = operations.on_cluster(
        session.access, asked=rights_asked
    )
