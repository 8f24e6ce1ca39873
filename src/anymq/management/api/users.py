"""Users, and what they may do."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from anymq.core.errors import NotFound
from anymq.core.rights.accounts import Accounts
from anymq.core.rights.views import Permission, TopicPermission, User
from anymq.management.api import routes
from anymq.management.api.call import Call, Then, created, done, when_safe
from anymq.management.api.faults import bad_request, no_object
from anymq.management.http import Answer, Later
from anymq.security.passwords import Proved, proofs_of

ROUTES = routes.Routes()
ADMIN = routes.ADMINISTRATOR
HASHING = "rabbit_password_hashing_sha256"


def _accounts(call: Call) -> Accounts:
    return call.broker.users


def _row(user: User, limits: Mapping[str, int]) -> dict[str, Any]:
    return {
        "name": user.name,
        "tags": list(user.tags),
        "password_hash": user.password_hash,
        "hashing_algorithm": user.hashing_algorithm or HASHING,
        "limits": dict(limits),
    }


def _listed_users(call: Call, found: list[User]) -> Answer:
    limits = call.broker.presence.limits
    return call.listed(found, lambda one: _row(one, limits.of(one.name)), lambda one: one.name)


def _user(call: Call) -> User:
    if call.names["user"] not in _accounts(call):
        raise no_object()
    return _accounts(call).find(call.names["user"])


@ROUTES.get("/users", ADMIN)
def users(call: Call) -> Answer:
    """All users; the hash of a password only where it was imported as one."""
    return _listed_users(call, list(_accounts(call).list()))


@ROUTES.get("/users/without-permissions", ADMIN)
def users_without_permissions(call: Call) -> Answer:
    """The users who may enter no virtual host."""
    able = {one.user for one in _accounts(call).permissions()}
    found = [user for user in _accounts(call).list() if user.name not in able]
    return _listed_users(call, found)


@ROUTES.get("/users/:user", ADMIN)
def user(call: Call) -> Answer:
    """One user."""
    one = _user(call)
    return call.shown(_row(one, call.broker.presence.limits.of(one.name)))


@ROUTES.put("/users/:user", ADMIN)
def put_user(call: Call) -> Answer:
    """Make or change a user: `password` or `password_hash`, `tags`."""
    name, tags = call.names["user"], call.body.get("tags")
    if tags is None:
        raise bad_request("tags_not_present")
    if isinstance(tags, str):
        tags = [tag.strip() for tag in tags.split(",")]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise bad_request("tags are a list, or text with commas between")
    put = partial(
        _accounts(call).put,
        name,
        password_hash=call.text("password_hash") if "password_hash" in call.body else None,
        hashing_algorithm=call.text("hashing_algorithm"),
        tags=tags,
    )
    answer = done if name in _accounts(call) else created
    password = call.text("password")
    if not password or "password_hash" in call.body:
        secret = password if "password" in call.body else None
        return when_safe(lambda then: put(password=secret, then=then), answer)
    return _put_with(call, password, put, answer)


def _put_with(call: Call, password: str, put: Any, answer: Any) -> Answer:
    """What is kept of a password takes long to make: that is done apart."""
    later = Later()

    def then(proved: Proved) -> None:
        later.follow(
            call.then(lambda: when_safe(lambda t: put(proofs=proved.better, then=t), answer))
        )

    kept = _accounts(call).kept
    call.site.guard.gate.run(lambda: Proved(True, proofs_of(password, kept)), then)
    return later


@ROUTES.delete("/users/:user", ADMIN)
def delete_user(call: Call) -> Answer:
    """Unmake a user, with all rights."""
    name = _user(call).name
    return when_safe(lambda then: _accounts(call).delete(name, then), done)


@ROUTES.post("/users/bulk-delete", ADMIN)
def delete_users(call: Call) -> Answer:
    """Unmake several users (`users`); those who are not there are as good."""
    call.need("users")
    names = call.body["users"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise bad_request("users are a list of names")
    found = [name for name in dict.fromkeys(names) if name in _accounts(call)]
    return when_safe(lambda then: _accounts(call).delete_all(found, then), done)


@ROUTES.put("/users/:user/signing-secret", ADMIN)
def put_signing_secret(call: Call) -> Answer:
    """Let a user sign requests of RocketMQ's clients by this `secret`; nobody is told it again."""
    call.need("secret")
    name, secret = _user(call).name, call.text("secret")
    there = name in _accounts(call).secrets
    put = partial(_accounts(call).put_signing_secret, name, secret)
    return when_safe(put, done if there else created)


@ROUTES.delete("/users/:user/signing-secret", ADMIN)
def delete_signing_secret(call: Call) -> Answer:
    """Let a user sign requests no more."""
    name = _user(call).name
    return when_safe(partial(_accounts(call).put_signing_secret, name, None), done)


# Permissions


def _listed(call: Call, found: Any) -> Answer:
    return call.listed(list(found), asdict, lambda one: one.user)


@ROUTES.get("/permissions", ADMIN)
def permissions(call: Call) -> Answer:
    """What everybody may do, by virtual host."""
    return _listed(call, _accounts(call).permissions())


@ROUTES.get("/users/:user/permissions", ADMIN)
def permissions_of_user(call: Call) -> Answer:
    """What a user may do."""
    return _listed(call, _accounts(call).permissions(_user(call).name))


@ROUTES.get("/vhosts/:vhost/permissions", ADMIN)
def permissions_of_vhost(call: Call) -> Answer:
    """What everybody may do in a virtual host."""
    return _listed(call, _accounts(call).permissions(vhost=call.vhosts_to_see[0].name))


def _permission(call: Call) -> Permission:
    name, vhost = _user(call).name, call.vhosts_to_see[0].name
    for one in _accounts(call).permissions(name, vhost):
        return one
    raise no_object()


@ROUTES.get("/permissions/:vhost/:user", ADMIN)
def permission(call: Call) -> Answer:
    """What a user may do in a virtual host."""
    return call.shown(asdict(_permission(call)))


@ROUTES.put("/permissions/:vhost/:user", ADMIN)
def put_permission(call: Call) -> Answer:
    """Let a user configure, write, read what has names that match these patterns."""
    call.need("configure", "write", "read")
    configure, write, read = (call.text(key) for key in ("configure", "write", "read"))
    put = partial(_accounts(call).set_permissions, *_places(call), configure, write, read)
    return _put(put, there=bool(_accounts(call).permissions(*_places(call))))


@ROUTES.delete("/permissions/:vhost/:user", ADMIN)
def delete_permission(call: Call) -> Answer:
    """Let a user enter a virtual host no more."""
    one = _permission(call)
    clear = partial(_accounts(call).clear_permissions, one.user, one.vhost)
    return when_safe(lambda then: clear(then=then), done)


# Topic permissions


@ROUTES.get("/topic-permissions", ADMIN)
def topic_permissions(call: Call) -> Answer:
    """The routing keys that users are limited to at topic exchanges."""
    return _listed(call, _accounts(call).topic_permissions())


@ROUTES.get("/users/:user/topic-permissions", ADMIN)
def topic_permissions_of_user(call: Call) -> Answer:
    """The routing keys that a user is limited to."""
    return _listed(call, _accounts(call).topic_permissions(_user(call).name))


@ROUTES.get("/vhosts/:vhost/topic-permissions", ADMIN)
def topic_permissions_of_vhost(call: Call) -> Answer:
    """The routing keys that users are limited to in a virtual host."""
    return _listed(call, _accounts(call).topic_permissions(vhost=call.vhosts_to_see[0].name))


def _topics(call: Call) -> list[TopicPermission]:
    name, vhost = _user(call).name, call.vhosts_to_see[0].name
    found = _accounts(call).topic_permissions(name, vhost)
    return [one for one in found if one.exchange == call.names.get("exchange", one.exchange)]


@ROUTES.get("/topic-permissions/:vhost/:user", ADMIN)
def topic_permission(call: Call) -> Answer:
    """The routing keys that a user is limited to in a virtual host."""
    if not (found := _topics(call)):
        raise no_object()
    return _listed(call, found)


@ROUTES.put("/topic-permissions/:vhost/:user", ADMIN)
def put_topic_permission(call: Call) -> Answer:
    """Limit a user to routing keys (`write`, `read`) at an `exchange`."""
    call.need("exchange", "write", "read")
    exchange, write, read = (call.text(key) for key in ("exchange", "write", "read"))
    vhost = call.broker.vhosts.get(call.names["vhost"])
    if vhost is not None and exchange not in vhost.exchanges:
        raise bad_request(["no_such_exchange", exchange])
    put = partial(_accounts(call).set_topic_permissions, *_places(call), exchange, write, read)
    return _put(put, there=bool(_accounts(call).topic_permissions(*_places(call))))


@ROUTES.delete("/topic-permissions/:vhost/:user", ADMIN)
def delete_topic_permissions(call: Call) -> Answer:
    """Limit a user to no routing keys any more, at no exchange of a virtual host."""
    if not _topics(call):
        raise no_object()
    clear = partial(_accounts(call).clear_topic_permissions, *_places(call))
    return when_safe(lambda then: clear(call.names.get("exchange"), then=then), done)


@ROUTES.delete("/topic-permissions/:vhost/:user/:exchange", ADMIN)
def delete_topic_permission(call: Call) -> Answer:
    """Limit a user to no routing keys any more at an exchange."""
    return delete_topic_permissions(call)


def _places(call: Call) -> tuple[str, str]:
    return call.names["user"], call.names["vhost"]


def _put(put: Any, *, there: bool) -> Answer:
    def begin(then: Then) -> None:
        try:
            put(then=then)
        except NotFound:
            raise bad_request("vhost_or_user_not_found") from None

    return when_safe(begin, done if there else created)
