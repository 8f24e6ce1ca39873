"""SaslAuthenticate: one token of the chosen mechanism."""

from anymq.observability.log import Log
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import sasl_authenticate as schema
from anymq.security.scram import AuthenticationFailed

KEY = 36
VERSIONS = range(3)
BEFORE_AUTHENTICATION = True

log = Log("anymq.kafka")


def handle(call: Call, request: schema.SaslAuthenticateRequest) -> None:
    """Answer the token; who fails is told so, and hung up on."""
    authentication = call.session.authentication
    if authentication.logged_in:
        why = "SaslAuthenticate request received after successful authentication"
        call.reply(schema.SaslAuthenticateResponse(ErrorCode.ILLEGAL_SASL_STATE, why))
        return
    if not authentication.chosen:
        _fail(call, ErrorCode.ILLEGAL_SASL_STATE, "SaslHandshake comes first")
        return
    authentication.step(bytes(request.auth_bytes), lambda answer: _stepped(call, answer))


def _stepped(call: Call, answer: bytes | AuthenticationFailed) -> None:
    if call.session.closed:
        return  # it did not wait for that
    if isinstance(answer, AuthenticationFailed):
        call.session.kafka.counters.logins_failed += 1
        log.warning("login failed", peer=call.session.peer.host, reason=answer)
        _fail(call, ErrorCode.SASL_AUTHENTICATION_FAILED, f"Authentication failed: {answer}")
        return
    call.session.authentication_changed()
    call.reply(schema.SaslAuthenticateResponse(ErrorCode.NONE, None, answer))


def _fail(call: Call, code: ErrorCode, why: str) -> None:
    call.reply(schema.SaslAuthenticateResponse(code, why, b""))
    call.session.hang_up_after_answers()
