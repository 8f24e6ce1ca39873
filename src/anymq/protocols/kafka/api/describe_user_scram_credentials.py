"""DescribeUserScramCredentials: which users there are, and how they may prove it."""

from collections import Counter

from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import describe_user_scram_credentials as schema
from anymq.security.passwords import Mechanism
from anymq.security.users import Users

KEY = 50
VERSIONS = range(1)

NUMBERS = {Mechanism.SHA_256: 1, Mechanism.SHA_512: 2}

Result = schema.DescribeUserScramCredentialsResult


def handle(call: Call, request: schema.DescribeUserScramCredentialsRequest) -> None:
    """Answer for the users asked for; none asked for: all."""
    # Who there is is for administrators only, as by the HTTP API.
    denied = authorization.cluster_error(call, Operation.ALTER)
    if denied:
        response = schema.DescribeUserScramCredentialsResponse()
        errors.refuse(response, denied, "Cluster authorization failed.")
        call.reply(response)
        return
    users = call.session.kafka.users
    wanted = Counter(one.name for one in request.users or ()) or Counter(sorted(users))
    results = [_describe(users, name, times) for name, times in wanted.items()]
    call.reply(schema.DescribeUserScramCredentialsResponse(results=results))


def _describe(users: Users, name: str, times_named: int) -> Result:
    result = Result(user=name)
    if times_named > 1:
        why = "Cannot describe SCRAM credentials for the same user twice in a single request: "
        errors.refuse(result, ErrorCode.DUPLICATE_RESOURCE, why + name)
        return result
    verifiers = [(mechanism, users.verifier(name, mechanism)) for mechanism in NUMBERS]
    result.credential_infos = [
        schema.CredentialInfo(NUMBERS[mechanism], verifier.iterations)
        for mechanism, verifier in verifiers
        if verifier is not None
    ]
    if not result.credential_infos:
        why = f"Attempt to describe a user credential that does not exist: {name}"
        errors.refuse(result, ErrorCode.RESOURCE_NOT_FOUND, why)
    return result
