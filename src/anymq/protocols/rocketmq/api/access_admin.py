"""Users and policies, for administrators: those of ACL 2.0, kept as everybody's here."""

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from anymq.core.catalog import Then
from anymq.core.rights.accounts import ADMINISTRATOR, Accounts
from anymq.core.rights.acls import AclRecord
from anymq.core.rights.operations import Kind, Operation
from anymq.core.streams.stream_names import DEFAULT_VHOST
from anymq.protocols.rocketmq import authorization, policies, tables
from anymq.protocols.rocketmq.bodies import read
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.errors import BadRequest, Denied
from anymq.protocols.rocketmq.pending import Pending
from anymq.protocols.rocketmq.policies import Acl, Resource, resources_of, user_of
from anymq.security.passwords import Proved, proofs_of

SUPER, NORMAL = "Super", "Normal"
ENABLED = "enable"
EVERYTHING = ".*"


class _User(msgspec.Struct, rename="camel"):
    username: str | None = None
    password: str | None = None
    user_type: str | None = None
    user_status: str | None = None


# Users


def create_user(call: Call) -> None:
    """Make a user, who signs with this password and may use it by every other protocol."""
    name, said = _user(call)
    if name in call.broker.users:
        raise Denied("The user is existed")
    if not said.password:
        raise Denied("password can not be blank")
    _put(call, name, said, _is_super(said.user_type or NORMAL))


def update_user(call: Call) -> None:
    """Give a user another password, or make it a super user, or a normal one."""
    name, said = _user(call)
    if name not in call.broker.users:
        raise Denied("The user is not exist")
    was_super = ADMINISTRATOR in call.broker.users.tags_of(name)
    _check_super(call, was_super)
    _put(call, name, said, _is_super(said.user_type) if said.user_type else was_super)


def _user(call: Call) -> tuple[str, _User]:
    authorization.cluster(call, Operation.ALTER)
    name, said = call.text("username", ""), read(call.body, _User)
    if not name:
        raise BadRequest("The username is blank")
    if said.user_status and said.user_status.lower() != ENABLED:
        raise BadRequest("a user is not disabled here: delete it, or give it another password")
    return name, said


def _is_super(user_type: str) -> bool:
    if user_type.lower() not in (SUPER.lower(), NORMAL.lower()):
        raise BadRequest(f"a user is {SUPER} or {NORMAL}, not {user_type[:32]!r}")
    return user_type.lower() == SUPER.lower()


def _check_super(call: Call, is_super: bool) -> None:
    """Let only administrators make administrators; where nobody logs in, all are."""
    access, users = call.access, call.broker.users
    if is_super and access.user in users and ADMINISTRATOR not in users.tags_of(access.user):
        raise Denied("The super user can only be changed by super user")


def _put(call: Call, name: str, said: _User, is_super: bool) -> None:
    _check_super(call, is_super)
    password = said.password
    call.later()
    if not password:
        _keep(call, name, None, None, is_super)
        return

    def hashed(proved: Proved) -> None:
        _keep(call, name, password, proved.better, is_super)

    kept = call.broker.users.kept
    call.rocketmq.gate.run(lambda: Proved(True, proofs_of(password, kept)), hashed)


def _keep(
    call: Call, name: str, password: str | None, proofs: Sequence[str] | None, is_super: bool
) -> None:
    users, pending = call.broker.users, Pending(call)
    others = {one for one in users.tags_of(name) if one != ADMINISTRATOR}
    tags = {*others, ADMINISTRATOR} if is_super else others
    pending.ask(
        lambda then: users.put(name, proofs=proofs, tags=tags, signing_secret=password, then=then)
    )
    pending.ask(partial(_let_all, users, name, is_super))
    pending.all_asked()


def _let_all(users: Accounts, name: str, is_super: bool, then: Then) -> None:
    """Let a super user do everything; a normal one does what its policies and patterns say."""
    if is_super:
        users.set_permissions(name, DEFAULT_VHOST, EVERYTHING, EVERYTHING, EVERYTHING, then)
    else:
        then(None)


def delete_user(call: Call) -> None:
    """Delete a user with its policies; one that is not there is as good."""
    authorization.cluster(call, Operation.ALTER)
    name, users = call.text("username"), call.broker.users
    pending = Pending(call)
    if name in users:
        _check_super(call, ADMINISTRATOR in users.tags_of(name))
        pending.ask(partial(users.delete, name))
    pending.all_asked()


def describe_user(call: Call) -> None:
    """Say what kind of user this is. Passwords are not told: we do not know them."""
    authorization.cluster(call, Operation.DESCRIBE)
    name = call.text("username", "")
    if not name:
        raise BadRequest("The username is blank")
    if name not in call.broker.users:
        call.answer()
        return
    call.answer(body=tables.encode(_told(call, name)))


def list_users(call: Call) -> None:
    """List the users in whose name there is this."""
    authorization.cluster(call, Operation.DESCRIBE)
    wanted = call.text("filter", "")
    found = [_told(call, name) for name in call.broker.users if wanted in name]
    call.answer(body=tables.encode(found) if found else b"")


def _told(call: Call, name: str) -> dict[str, object]:
    is_super = ADMINISTRATOR in call.broker.users.tags_of(name)
    return {
        "username": name,
        "password": "******",
        "userType": SUPER if is_super else NORMAL,
        "userStatus": ENABLED,
    }


# Policies


def put_policies(call: Call) -> None:
    """Say what a user may do to some resources; what was said of them before goes."""
    authorization.cluster(call, Operation.ALTER)
    said = read(call.body, Acl)
    user = user_of(call.text("subject", said.subject or ""))
    if user not in call.broker.users:
        raise Denied(f"The subject of User:{user} is not exist.")
    rules = policies.rules_of(user, said)
    acls = call.broker.users.acls
    about = {Resource(one.kind, one.name, one.prefixed) for one in rules}
    before = [one for one in _rules_of(call, user, about) if one not in rules]
    pending = Pending(call)
    pending.ask(partial(acls.add, rules))
    if before:
        pending.ask(partial(acls.remove, before))
    pending.all_asked()


def _rules_of(call: Call, user: str, about: set[Resource] | None = None) -> list[AclRecord]:
    """Return a user's rules; those about some resources."""
    return [
        one
        for one in call.broker.users.acls
        if one.user == user
        and (about is None or Resource(one.kind, one.name, one.prefixed) in about)
    ]


def delete_policies(call: Call) -> None:
    """Forget what a user may do, to one resource or to all."""
    authorization.cluster(call, Operation.ALTER)
    user, resource = user_of(call.text("subject")), call.text("resource", "")
    rules = _rules_of(call, user, set(resources_of(resource)) if resource else None)
    if not rules:
        raise Denied("The acl is not exist.")
    pending = Pending(call)
    pending.ask(partial(call.broker.users.acls.remove, rules))
    pending.all_asked()


def describe_policies(call: Call) -> None:
    """Say what a user may do by policies."""
    authorization.cluster(call, Operation.DESCRIBE)
    user = user_of(call.text("subject"))
    rules = _ours(_rules_of(call, user))
    call.answer(body=tables.encode(policies.told(user, rules)) if rules else b"")


def list_policies(call: Call) -> None:
    """List the policies of users in whose name there is this, about resources that begin so."""
    authorization.cluster(call, Operation.DESCRIBE)
    user = call.text("subjectFilter", "").removeprefix(policies.USER)
    resource = call.text("resourceFilter", "")
    found: dict[str, list[AclRecord]] = {}
    for rule in _ours(call.broker.users.acls):
        name = policies.name_of(Resource(rule.kind, rule.name, rule.prefixed))
        if user in rule.user and resource in name:
            found.setdefault(rule.user, []).append(rule)
    told = [policies.told(name, rules) for name, rules in sorted(found.items())]
    call.answer(body=tables.encode(told) if told else b"")


def _ours(rules: Iterable[AclRecord]) -> list[AclRecord]:
    """Return the rules that policies can say: about topics, groups and the cluster."""
    return [one for one in rules if one.kind is not Kind.TRANSACTIONAL_ID]


CODES = {
    RequestCode.AUTH_CREATE_USER: create_user,
    RequestCode.AUTH_UPDATE_USER: update_user,
    RequestCode.AUTH_DELETE_USER: delete_user,
    RequestCode.AUTH_GET_USER: describe_user,
    RequestCode.AUTH_LIST_USER: list_users,
    RequestCode.AUTH_CREATE_ACL: put_policies,
    RequestCode.AUTH_UPDATE_ACL: put_policies,
    RequestCode.AUTH_DELETE_ACL: delete_policies,
    RequestCode.AUTH_GET_ACL: describe_policies,
    RequestCode.AUTH_LIST_ACL: list_policies,
}
