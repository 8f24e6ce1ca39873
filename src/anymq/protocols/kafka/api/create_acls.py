"""CreateAcls: rules that hold from now on."""

from functools import partial

from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation
from anymq.observability.log import Log
from anymq.protocols.kafka import acls, authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import create_acls as schema

KEY = 30
VERSIONS = range(1, 4)

log = Log("anymq.kafka")


def handle(call: Call, request: schema.CreateAclsRequest) -> None:
    """Let each hold; each is answered when a restart would find it."""
    response = schema.CreateAclsResponse()
    pending = Pending(call, response)
    for wanted in request.creations:
        entry = schema.AclCreationResult()
        response.results.append(entry)
        pending.ask(entry, partial(_create, call, wanted))
    pending.all_asked()


def _create(call: Call, wanted: schema.AclCreation, then: Then) -> None:
    authorization.cluster(call, Operation.ALTER)
    rule = acls.rule_of(wanted)
    call.broker.users.acls.add([rule], then)
    log.info("an ACL was created", by=call.session.access.user, acl=rule)
