"""DeleteAcls: rules that hold no more."""

from functools import partial

from anymq.core.errors import Refused
from anymq.core.rights.acls import AclRecord
from anymq.core.rights.operations import Operation
from anymq.observability.log import Log
from anymq.protocols.kafka import acls, authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.primitives import MalformedFrame
from anymq.protocols.kafka.schema.generated import delete_acls as schema

KEY = 31
VERSIONS = range(1, 4)
FILTERS_MAX = 1000  # each looks at every rule, and nobody else is served meanwhile

log = Log("anymq.kafka")

Result = schema.DeleteAclsFilterResult
Matching = schema.DeleteAclsMatchingAcl


def handle(call: Call, request: schema.DeleteAclsRequest) -> None:
    """Delete what each filter means; answered when a restart would not find them."""
    if len(request.filters) > FILTERS_MAX:
        raise MalformedFrame(f"{len(request.filters)} filters, {FILTERS_MAX} at a time")
    response = schema.DeleteAclsResponse()
    pending = Pending(call, response)
    for wanted in request.filters:
        result = Result()
        response.filter_results.append(result)
        try:
            authorization.cluster(call, Operation.ALTER)
            _delete(call, wanted, result, pending)
        except Refused as error:
            errors.explain(result, error)
    pending.all_asked()


def _delete(call: Call, wanted: schema.DeleteAclsFilter, result: Result, pending: Pending) -> None:
    matches = acls.matcher(wanted)
    rules = call.broker.users.acls
    for rule in [one for one in rules if matches(acls.described(one))]:
        entry = _entry(rule)
        result.matching_acls.append(entry)
        pending.ask(entry, partial(rules.remove, [rule]))
        log.info("an ACL was deleted", by=call.session.access.user, acl=rule)


def _entry(rule: AclRecord) -> Matching:
    said = acls.described(rule)
    return Matching(
        resource_type=said.resource_type,
        resource_name=said.resource_name,
        pattern_type=said.pattern_type,
        principal=said.principal,
        host=said.host,
        operation=said.operation,
        permission_type=said.permission_type,
    )
