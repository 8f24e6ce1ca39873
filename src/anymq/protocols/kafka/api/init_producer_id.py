"""InitProducerId: an id for an idempotent producer. Transactional ones come with transactions."""

from functools import partial

from anymq.protocols.kafka import errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import init_producer_id as schema

KEY = 22
VERSIONS = range(6)
NONE = -1


def handle(call: Call, request: schema.InitProducerIdRequest) -> None:
    """Give an id that nobody has had, with epoch 0."""
    if request.transactional_id is not None:
        # What every client takes for final, instead of asking again and again.
        _refuse(call, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    elif (request.producer_id == NONE) != (request.producer_epoch == NONE):
        _refuse(call, ErrorCode.INVALID_REQUEST)
    elif not call.session.access.may_write_at_all:
        _refuse(call, ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    else:
        # Who has an id already and wants a new epoch gets a new id, as from Kafka: without a
        # transactional id nobody can claim one.
        call.broker.next_producer_id(partial(_reply, call))


def _reply(call: Call, producer_id: int, error: Exception | None) -> None:
    if error is not None:
        _refuse(call, errors.code_of(error))
    else:
        call.reply(schema.InitProducerIdResponse(producer_id=producer_id, producer_epoch=0))


def _refuse(call: Call, code: ErrorCode) -> None:
    call.reply(
        schema.InitProducerIdResponse(error_code=code, producer_id=NONE, producer_epoch=NONE)
    )
