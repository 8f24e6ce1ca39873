"""SaslHandshake: which mechanism it will be."""

from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import sasl_handshake as schema

KEY = 17
VERSIONS = range(2)
BEFORE_AUTHENTICATION = True


def handle(call: Call, request: schema.SaslHandshakeRequest) -> None:
    """Agree, or say what there is and hang up, as Kafka does."""
    session, authentication = call.session, call.session.authentication
    code = ErrorCode.NONE
    if not authentication.mechanisms or (authentication.logged_in and authentication.chosen):
        code = ErrorCode.ILLEGAL_SASL_STATE
    elif not authentication.choose(request.mechanism, raw=call.version == 0):
        code = ErrorCode.UNSUPPORTED_SASL_MECHANISM
    session.authentication_changed()
    call.reply(schema.SaslHandshakeResponse(code, list(authentication.mechanisms)))
    if code is ErrorCode.UNSUPPORTED_SASL_MECHANISM:
        session.hang_up_after_answers()
