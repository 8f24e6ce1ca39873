"""Refusals in the words of gRPC's clients: one table from RocketMQ's response codes to theirs."""

from anymq.core.errors import Refused
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.grpc.definition import Code, Status


class GrpcRefusal(Refused):
    """What an answer says."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


CODES: dict[int, Code] = {
    ResponseCode.SUCCESS: Code.OK,
    ResponseCode.SYSTEM_BUSY: Code.TOO_MANY_REQUESTS,
    ResponseCode.FLOW_CONTROL: Code.TOO_MANY_REQUESTS,
    ResponseCode.POLLING_FULL: Code.TOO_MANY_REQUESTS,
    ResponseCode.REQUEST_CODE_NOT_SUPPORTED: Code.NOT_IMPLEMENTED,
    ResponseCode.FLUSH_DISK_TIMEOUT: Code.MASTER_PERSISTENCE_TIMEOUT,
    ResponseCode.MESSAGE_ILLEGAL: Code.MESSAGE_CORRUPTED,
    ResponseCode.NO_PERMISSION: Code.FORBIDDEN,
    ResponseCode.TOPIC_NOT_EXIST: Code.TOPIC_NOT_FOUND,
    ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST: Code.CONSUMER_GROUP_NOT_FOUND,
    ResponseCode.SUBSCRIPTION_PARSE_FAILED: Code.ILLEGAL_FILTER_EXPRESSION,
    ResponseCode.PULL_NOT_FOUND: Code.MESSAGE_NOT_FOUND,
    ResponseCode.PULL_RETRY_IMMEDIATELY: Code.MESSAGE_NOT_FOUND,
    ResponseCode.PULL_OFFSET_MOVED: Code.ILLEGAL_OFFSET,
    ResponseCode.POLLING_TIMEOUT: Code.MESSAGE_NOT_FOUND,
    ResponseCode.QUERY_NOT_FOUND: Code.OFFSET_NOT_FOUND,
    ResponseCode.INVALID_PARAMETER: Code.BAD_REQUEST,
    ResponseCode.ILLEGAL_OPERATION: Code.BAD_REQUEST,
    ResponseCode.NO_MESSAGE: Code.MESSAGE_NOT_FOUND,
}


def code_of(response_code: int) -> Code:
    """Say in gRPC's numbers what RocketMQ's own say."""
    return CODES.get(response_code, Code.INTERNAL_SERVER_ERROR)


def status(code: int, message: str = "") -> Status:
    """Return a status."""
    return Status(int(code), message or Code(code).name)


OK = status(Code.OK)
