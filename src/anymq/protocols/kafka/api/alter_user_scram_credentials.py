"""AlterUserScramCredentials: users, and the passwords that they prove by SCRAM.

The password itself never comes here: the client sends what SCRAM derives of it.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from anymq.core.catalog import Then
from anymq.core.errors import Conflict, NotFound, Refused
from anymq.core.rights.accounts import ignore
from anymq.core.rights.operations import Operation
from anymq.observability.log import Log
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.api.describe_user_scram_credentials import NUMBERS
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import alter_user_scram_credentials as schema
from anymq.security import passwords
from anymq.security.passwords import Mechanism

KEY = 51
VERSIONS = range(1)
ITERATIONS_MIN, ITERATIONS_MAX = 4096, 16384  # Kafka's

Change = schema.ScramCredentialDeletion | schema.ScramCredentialUpsertion
Result = schema.AlterUserScramCredentialsResult

_MECHANISMS = {number: mechanism for mechanism, number in NUMBERS.items()}
_SALTED_BYTES = {Mechanism.SHA_256: 32, Mechanism.SHA_512: 64}

log = Log("anymq.kafka")


class Unacceptable(Refused):
    """No credential that we would keep."""

    def __init__(self, code: ErrorCode, why: str) -> None:
        super().__init__(why)
        self.code = code


def handle(call: Call, request: schema.AlterUserScramCredentialsRequest) -> None:
    """Change the credentials of each user: all that are named of it, or none."""
    response = schema.AlterUserScramCredentialsResponse()
    pending = Pending(call, response)
    changes: dict[str, list[Change]] = {}
    for change in _all(request):
        changes.setdefault(change.name, []).append(change)
    for name, of_user in changes.items():
        result = Result(user=name)
        response.results.append(result)
        _alter(call, of_user, result, pending)
    pending.all_asked()


def _all(request: schema.AlterUserScramCredentialsRequest) -> Iterator[Change]:
    yield from request.deletions
    yield from request.upsertions


def _alter(call: Call, changes: list[Change], result: Result, pending: Pending) -> None:
    try:
        authorization.cluster(call, Operation.ALTER)
        if max(Counter(one.mechanism for one in changes).values()) > 1:
            why = "A user credential cannot be altered twice in the same request"
            raise Unacceptable(ErrorCode.DUPLICATE_RESOURCE, why)
        for change in changes:
            _check(call, change)
    except Unacceptable as error:
        errors.refuse(result, error.code, str(error))
    except Refused as error:
        errors.explain(result, error)
    else:
        pending.ask(result, partial(_do_all, call, changes, result))


def _check(call: Call, change: Change) -> None:
    mechanism = _MECHANISMS.get(change.mechanism)
    if mechanism is None:
        raise Unacceptable(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism")
    if not change.name:
        raise Unacceptable(ErrorCode.UNACCEPTABLE_CREDENTIAL, "Username must not be empty")
    if isinstance(change, schema.ScramCredentialUpsertion):
        _check_credential(change, mechanism)
    elif call.session.kafka.users.verifier(change.name, mechanism) is None:
        why = "Attempt to delete a user credential that does not exist"
        raise Unacceptable(ErrorCode.RESOURCE_NOT_FOUND, why)


def _check_credential(change: schema.ScramCredentialUpsertion, mechanism: Mechanism) -> None:
    why = ""
    if change.iterations < ITERATIONS_MIN:
        why = "Too few iterations"
    elif change.iterations > ITERATIONS_MAX:
        why = "Too many iterations"
    elif not change.salt:
        why = "Salt must not be empty"
    elif len(change.salted_password) != _SALTED_BYTES[mechanism]:
        why = f"Salted password of {mechanism.value} has {_SALTED_BYTES[mechanism]} bytes"
    if why:
        raise Unacceptable(ErrorCode.UNACCEPTABLE_CREDENTIAL, why)


def _do_all(call: Call, changes: list[Change], result: Result, then: Then) -> None:
    """Do all; the last is durable only after the others."""
    try:
        for change in changes:
            _do(call, change, then if change is changes[-1] else ignore)
    except (Conflict, NotFound) as error:
        errors.refuse(result, ErrorCode.UNACCEPTABLE_CREDENTIAL, str(error))
        then(None)


def _do(call: Call, change: Change, then: Then) -> None:
    accounts = call.broker.users
    mechanism = _MECHANISMS[change.mechanism]
    if isinstance(change, schema.ScramCredentialUpsertion):
        accounts.put_verifier(change.name, _verifier(change, mechanism), then)
    else:
        accounts.drop_verifier(change.name, mechanism, then)
    log.info("a SCRAM credential was changed", by=call.session.access.user, user=change.name)


def _verifier(change: schema.ScramCredentialUpsertion, mechanism: Mechanism) -> passwords.Verifier:
    salted, salt = bytes(change.salted_password), bytes(change.salt)
    return passwords.of_salted(salted, mechanism, salt, change.iterations)
