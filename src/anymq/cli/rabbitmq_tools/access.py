"""rabbitmqctl: users, and what they may do."""

import sys
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from anymq.cli.api import Api, ApiRefused
from anymq.cli.api.target import Target
from anymq.cli.rabbitmq_tools.call import (
    BOOLEAN,
    TEXT,
    BadUsage,
    Bare,
    Call,
    Commands,
    Exit,
    Failed,
)
from anymq.cli.rabbitmq_tools.formats import Tags

COMMANDS = Commands()
DONE = (
    "Done. Don't forget to grant the user permissions to some virtual hosts!"
    " See 'rabbitmqctl help set_permissions' to learn more."
)
PATTERNS = ("configure", "write", "read")


@COMMANDS.add(
    "add_user <username> [<password>] [<password_hash> --pre-hashed-password]",
    1,
    2,
    pre_hashed_password=BOOLEAN,
)
def add_user(call: Call) -> None:
    """Makes a user, without permissions."""
    name = call.words[0]
    call.say(f'Adding user "{name}" ...')
    if call.api.find("users", name) is not None:
        raise Failed(Exit.SOFTWARE, f'User "{name}" already exists')
    kind = "password_hash" if call.options.get("pre_hashed_password") else "password"
    call.api.put("users", name, body={kind: _password(call, 1), "tags": ""})
    call.say(DONE)


@COMMANDS.add("delete_user <username>", 1)
def delete_user(call: Call) -> None:
    """Unmakes a user; that there is none is no error."""
    call.say(f'Deleting user "{call.words[0]}" ...')
    if call.api.find("users", call.words[0]) is not None:
        call.api.delete("users", call.words[0])


@COMMANDS.add("change_password <username> <password>", 1, 2)
def change_password(call: Call) -> None:
    """Gives a user another password; without one it is read from standard input."""
    call.say(f'Changing password for user "{call.words[0]}" ...')
    user = _user(call.api, call.words[0], quoted=True)
    body = {"password": _password(call, 1), "tags": user["tags"]}
    call.api.put("users", user["name"], body=body)


@COMMANDS.add("clear_password <username>", 1)
def clear_password(call: Call) -> None:
    """Takes a user's password away."""
    call.say(f'Clearing password for user "{call.words[0]}" ...')
    user = _user(call.api, call.words[0], quoted=True)
    call.api.put("users", user["name"], body={"password_hash": "", "tags": user["tags"]})


@COMMANDS.add("authenticate_user <username> <password>", 1, 2)
def authenticate_user(call: Call) -> None:
    """Tries whether a password is right."""
    name = call.words[0]
    call.say(f'Authenticating user "{name}" ...')
    password = _password(call, 1)
    target = replace(call.api.target, user=name, password=password, token="")
    if not _may_enter(target):
        text = f"failed to authenticate user \"{name}\"\nuser '{name}' - invalid credentials"
        raise Failed(Exit.DATA, f"Error: {text}")
    call.print("Success")


def _may_enter(target: Target) -> bool:
    """Ask as that user."""
    with Api(target) as api:
        try:
            api.get("whoami")
        except ApiRefused as refused:
            if refused.status == HTTPStatus.UNAUTHORIZED:
                return False
            raise
    return True


@COMMANDS.add("set_user_tags <username> <tag> [...]", 1, -1)
def set_user_tags(call: Call) -> None:
    """Gives a user these tags and no others."""
    name, tags = call.words[0], list(call.words[1:])
    call.say(f'Setting tags for user "{name}" to [{", ".join(tags)}] ...')
    _user(call.api, name, quoted=True)
    call.api.put("users", name, body={"tags": tags})


@COMMANDS.add("list_users [--no-table-headers]")
def list_users(call: Call) -> None:
    """Lists users and their tags."""
    call.say("Listing users ...")
    rows = [{"user": one["name"], "tags": Tags(one["tags"])} for one in call.api.get("users")]
    call.rows(("user", "tags"), rows)


# --- permissions ---------------------------------------------------------------------------


@COMMANDS.add("set_permissions [--vhost <vhost>] <username> <conf> <write> <read>", 4)
def set_permissions(call: Call) -> None:
    """Lets a user configure, write, read what matches."""
    name, *patterns = call.words
    call.say(f'Setting permissions for user "{name}" in vhost "{call.vhost}" ...')
    check_vhost(call)
    _user(call.api, name)
    body = dict(zip(PATTERNS, patterns, strict=True))
    call.api.put("permissions", call.vhost, name, body=body)


@COMMANDS.add("set_permissions_globally <username> <conf> <write> <read>", 4)
def set_permissions_globally(call: Call) -> None:
    """Lets a user do the same in all virtual hosts."""
    name, *patterns = call.words
    call.say(f'Setting permissions for user "{name}" in all virtual hosts ...')
    _user(call.api, name)
    body = dict(zip(PATTERNS, patterns, strict=True))
    for vhost in call.api.get("vhosts"):
        call.api.put("permissions", vhost["name"], name, body=body)


@COMMANDS.add("clear_permissions [--vhost <vhost>] <username>", 1)
def clear_permissions(call: Call) -> None:
    """Lets a user enter a virtual host no more."""
    name = call.words[0]
    call.say(f'Clearing permissions for user "{name}" in vhost "{call.vhost}" ...')
    check_vhost(call)
    if call.api.find("permissions", call.vhost, name) is not None:
        call.api.delete("permissions", call.vhost, name)


@COMMANDS.add("list_permissions [--vhost <vhost>] [--no-table-headers]")
def list_permissions(call: Call) -> None:
    """Lists who may do what in a virtual host."""
    call.say(f'Listing permissions for vhost "{call.vhost}" ...')
    check_vhost(call, to_list=True)
    rows = call.api.get("vhosts", call.vhost, "permissions")
    call.rows(("user", *PATTERNS), rows)


@COMMANDS.add("list_user_permissions [--no-table-headers] <username>", 1)
def list_user_permissions(call: Call) -> None:
    """Lists what a user may do, in all virtual hosts."""
    call.say(f'Listing permissions for user "{call.words[0]}" ...')
    _user(call.api, call.words[0], status=Exit.UNAVAILABLE)
    call.rows(("vhost", *PATTERNS), call.api.get("users", call.words[0], "permissions"))


@COMMANDS.add("set_topic_permissions [--vhost <vhost>] <username> <exchange> <write> <read>", 4)
def set_topic_permissions(call: Call) -> None:
    """Limits a user to routing keys at an exchange."""
    name, exchange, write, read = call.words
    where = f'for user "{name}" in vhost "{call.vhost}"'
    call.say(f'Setting topic permissions on "{exchange}" {where} ...')
    check_vhost(call)
    _user(call.api, name)
    body = {"exchange": exchange, "write": write, "read": read}
    call.api.put("topic-permissions", call.vhost, name, body=body)


@COMMANDS.add("clear_topic_permissions [--vhost <vhost>] <username> [<exchange>]", 1, 2)
def clear_topic_permissions(call: Call) -> None:
    """Limits a user to routing keys no more."""
    name, *exchange = call.words
    on = f' on "{exchange[0]}"' if exchange else ""
    call.say(f'Clearing topic permissions{on} for user "{name}" in vhost "{call.vhost}" ...')
    check_vhost(call)
    path = ("topic-permissions", call.vhost, name, *exchange)
    if call.api.find(*path):
        call.api.delete(*path)


@COMMANDS.add("list_topic_permissions [--vhost <vhost>] [--no-table-headers]")
def list_topic_permissions(call: Call) -> None:
    """Lists who is limited to which routing keys in a virtual host."""
    call.say(f'Listing topic permissions for vhost "{call.vhost}" ...')
    check_vhost(call, to_list=True)
    rows = call.api.get("vhosts", call.vhost, "topic-permissions")
    call.rows(("user", "exchange", "write", "read"), rows)


@COMMANDS.add("list_user_topic_permissions [--no-table-headers] <username>", 1)
def list_user_topic_permissions(call: Call) -> None:
    """Lists which routing keys a user is limited to."""
    call.say(f'Listing topic permissions for user "{call.words[0]}" ...')
    _user(call.api, call.words[0])
    rows = call.api.get("users", call.words[0], "topic-permissions")
    call.rows(("vhost", "exchange", "write", "read"), rows)


@COMMANDS.add(
    "hash_password <cleartext_password> [--hashing-algorithm <algorithm>]",
    0,
    1,
    hashing_algorithm=TEXT,
)
def hash_password(call: Call) -> None:
    """Makes of a password what add_user --pre-hashed-password takes."""
    import base64
    import hashlib
    import os

    name = str(call.options.get("hashing_algorithm", "sha256")).rpartition("_")[2]
    if name not in ("sha256", "sha512"):
        raise BadUsage(f"hashing algorithm {name} is neither sha256 nor sha512")
    salt = os.urandom(4)
    digest = hashlib.new(name, salt + _password(call, 0).encode()).digest()
    call.print(base64.b64encode(salt + digest).decode())


# --- within --------------------------------------------------------------------------------


def check_vhost(call: Call, *, to_list: bool = False) -> None:
    """Refuse a virtual host that is not there, in RabbitMQ's words."""
    if call.api.find("vhosts", call.vhost) is None:
        if to_list:
            raise Bare(Exit.DATA, f"Virtual host '{call.vhost}' does not exist")
        raise Failed(Exit.UNAVAILABLE, f"Virtual host {call.vhost} does not exist")


def _user(
    api: Api, name: str, *, quoted: bool = False, status: Exit = Exit.NO_USER
) -> dict[str, Any]:
    found: dict[str, Any] | None = api.find("users", name)
    if found is None:
        shown = f'"{name}"' if quoted else name
        raise Failed(status, f"User {shown} does not exist")
    return found


def _password(call: Call, place: int) -> str:
    """Take it from the words, as scripts do, or better from standard input."""
    if len(call.words) > place:
        return str(call.words[place])
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("Password: ")
    text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise Failed(Exit.DATA, "Password is not provided via argument or stdin")
    return text
