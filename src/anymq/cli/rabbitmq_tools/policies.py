"""rabbitmqctl: policies, parameters, limits."""

from typing import Any

import msgspec

from anymq.cli.rabbitmq_tools.access import check_vhost
from anymq.cli.rabbitmq_tools.call import BOOLEAN, NUMBER, TEXT, Call, Commands, Exit, Failed
from anymq.cli.rabbitmq_tools.formats import Document

COMMANDS = Commands()
POLICY_COLUMNS = ("vhost", "name", "pattern", "apply-to", "definition", "priority")
POLICY_FLAGS = {"priority": NUMBER, "apply_to": TEXT}
SET_FLAGS = "[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>]"


def document(text: str) -> Any:
    """Read JSON as it is given to set_policy and its like."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        raise Failed(Exit.UNAVAILABLE, f"Could not parse JSON document: {text}") from None


def _compact(value: object) -> Document:
    return Document(msgspec.json.encode(value).decode())


@COMMANDS.add(f"set_policy {SET_FLAGS} <name> <pattern> <definition>", 3, more=POLICY_FLAGS)
def set_policy(call: Call) -> None:
    """Makes or changes a policy."""
    _set_policy(call, "policies", "policy")


@COMMANDS.add(
    f"set_operator_policy {SET_FLAGS} <name> <pattern> <definition>", 3, more=POLICY_FLAGS
)
def set_operator_policy(call: Call) -> None:
    """Makes or changes a policy of operators, which limits the others."""
    _set_policy(call, "operator-policies", "operator policy override")


def _set_policy(call: Call, path: str, kind: str) -> None:
    name, pattern, definition = call.words
    priority = int(call.options.get("priority", 0))
    what = f'{kind} "{name}" for pattern "{pattern}" to "{definition}"'
    call.say(f'Setting {what} with priority "{priority}" for vhost "{call.vhost}" ...')
    body = {
        "pattern": pattern,
        "definition": document(definition),
        "priority": priority,
        "apply-to": call.options.get("apply_to", "all"),
    }
    call.api.put(path, call.vhost, name, body=body)


@COMMANDS.add("clear_policy [--vhost <vhost>] <name>", 1)
def clear_policy(call: Call) -> None:
    """Unmakes a policy."""
    call.say(f'Clearing policy "{call.words[0]}" on vhost "{call.vhost}" ...')
    _clear(call, "policies", call.vhost, call.words[0])


@COMMANDS.add("clear_operator_policy [--vhost <vhost>] <name>", 1)
def clear_operator_policy(call: Call) -> None:
    """Unmakes a policy of operators."""
    call.say(f'Clearing operator policy "{call.words[0]}" on vhost "{call.vhost}" ...')
    _clear(call, "operator-policies", call.vhost, call.words[0])


@COMMANDS.add("list_policies [--vhost <vhost>] [--no-table-headers]")
def list_policies(call: Call) -> None:
    """Lists the policies of a virtual host."""
    call.say(f'Listing policies for vhost "{call.vhost}" ...')
    _list_policies(call, "policies")


@COMMANDS.add("list_operator_policies [--vhost <vhost>] [--no-table-headers]")
def list_operator_policies(call: Call) -> None:
    """Lists the policies of operators of a virtual host."""
    call.say(f'Listing operator policy overrides for vhost "{call.vhost}" ...')
    _list_policies(call, "operator-policies")


def _list_policies(call: Call, path: str) -> None:
    check_vhost(call, to_list=True)
    rows = call.api.get(path, call.vhost)
    shown = [{**row, "definition": _compact(row["definition"])} for row in rows]
    call.rows(POLICY_COLUMNS, shown, at_once=True)


def _clear(call: Call, *path: str) -> None:
    if call.api.find(*path) is None:
        raise Failed(Exit.UNAVAILABLE, "Parameter does not exist")
    call.api.delete(*path)


# --- parameters ----------------------------------------------------------------------------


@COMMANDS.add("set_parameter [--vhost <vhost>] <component_name> <name> <value>", 3)
def set_parameter(call: Call) -> None:
    """Sets a parameter of a component."""
    component, name, value = call.words
    what = f'runtime parameter "{name}" for component "{component}" to "{value}"'
    call.say(f'Setting {what} in vhost "{call.vhost}" ...')
    call.api.put("parameters", component, call.vhost, name, body={"value": document(value)})


@COMMANDS.add("clear_parameter [--vhost <vhost>] <component_name> <name>", 2)
def clear_parameter(call: Call) -> None:
    """Clears a parameter of a component."""
    component, name = call.words
    what = f'runtime parameter "{name}" for component "{component}"'
    call.say(f'Clearing {what} on vhost "{call.vhost}" ...')
    _clear(call, "parameters", component, call.vhost, name)


@COMMANDS.add("list_parameters [--vhost <vhost>] [--no-table-headers]")
def list_parameters(call: Call) -> None:
    """Lists the parameters of a virtual host."""
    call.say(f'Listing runtime parameters for vhost "{call.vhost}" ...')
    rows = [
        {**row, "value": _compact(row["value"])}
        for row in call.api.get("parameters")
        if row.get("vhost") == call.vhost
    ]
    call.rows(("component", "name", "value"), rows, at_once=True)


@COMMANDS.add("set_global_parameter <name> <value>", 2)
def set_global_parameter(call: Call) -> None:
    """Sets a parameter of no virtual host."""
    name, value = call.words
    call.say(f'Setting global runtime parameter "{name}" to "{value}" ...')
    call.api.put("global-parameters", name, body={"value": document(value)})


@COMMANDS.add("clear_global_parameter <name>", 1)
def clear_global_parameter(call: Call) -> None:
    """Clears a parameter of no virtual host."""
    call.say(f'Clearing global runtime parameter "{call.words[0]}" ...')
    _clear(call, "global-parameters", call.words[0])


@COMMANDS.add("list_global_parameters [--no-table-headers]")
def list_global_parameters(call: Call) -> None:
    """Lists the parameters of no virtual host."""
    call.say("Listing global runtime parameters ...")
    rows = call.api.get("global-parameters")
    call.rows(("name", "value"), [{**row, "value": _compact(row["value"])} for row in rows])


# --- limits --------------------------------------------------------------------------------


@COMMANDS.add("set_vhost_limits [--vhost <vhost>] <definition>", 1)
def set_vhost_limits(call: Call) -> None:
    """Limits how much a virtual host may have."""
    call.say(f'Setting vhost limits to "{call.words[0]}" for vhost "{call.vhost}" ...')
    _set_limits(call, "vhost-limits", call.vhost, call.words[0])


@COMMANDS.add("set_user_limits <username> <definition>", 2)
def set_user_limits(call: Call) -> None:
    """Limits how much a user may have."""
    name, definition = call.words
    call.say(f'Setting user limits to "{definition}" for user "{name}" ...')
    _set_limits(call, "user-limits", name, definition)


def _set_limits(call: Call, path: str, name: str, definition: str) -> None:
    for limit, value in document(definition).items():
        call.api.put(path, name, limit, body={"value": value})


@COMMANDS.add("clear_vhost_limits [--vhost <vhost>]")
def clear_vhost_limits(call: Call) -> None:
    """Lifts all limits of a virtual host."""
    call.say(f'Clearing vhost "{call.vhost}" limits ...')
    path = ("parameters", "vhost-limits", call.vhost, "limits")
    if call.api.find(*path) is not None:
        call.api.delete(*path)


@COMMANDS.add("clear_user_limits <username> <limit_type> | all", 2)
def clear_user_limits(call: Call) -> None:
    """Lifts one limit of a user, or all."""
    name, limit = call.words
    what = "all limits" if limit == "all" else f'"{limit}" limit'
    call.say(f'Clearing {what} for user "{name}" ...')
    _clear_limits(call, "user-limits", name, limit)


def _clear_limits(call: Call, path: str, name: str, limit: str) -> None:
    for each in _limits(call, path, name) if limit == "all" else [limit]:
        call.api.delete(path, name, each)


def _limits(call: Call, path: str, name: str) -> dict[str, int]:
    found = call.api.get(path, name)
    return dict(found[0]["value"]) if found else {}


@COMMANDS.add(
    "list_vhost_limits [--vhost <vhost>] [--global] [--no-table-headers]",
    more={"global": BOOLEAN},
)
def list_vhost_limits(call: Call) -> None:
    """Lists how much a virtual host may have."""
    if call.options.get("global"):
        _list_all(call, "vhost-limits", "vhost")
        return
    call.say(f'Listing limits for vhost "{call.vhost}" ...')
    check_vhost(call, to_list=True)
    limits = _limits(call, "vhost-limits", call.vhost)
    call.print(_compact(limits) if limits else "")


@COMMANDS.add(
    "list_user_limits [--user <username>] [--global]", user=TEXT, more={"global": BOOLEAN}
)
def list_user_limits(call: Call) -> None:
    """Lists how much a user may have."""
    if call.options.get("global"):
        _list_all(call, "user-limits", "user")
        return
    name = call.options.get("user", "guest")
    call.say(f'Listing limits for user "{name}" ...')
    call.print(_compact(_limits(call, "user-limits", name)))


def _list_all(call: Call, path: str, kind: str) -> None:
    call.say(f"Listing limits for all {kind}s ...")
    rows = [
        {kind: each[kind], "limits": _compact(each["value"])}
        for each in call.api.get(path)
        if each["value"]
    ]
    call.rows((kind, "limits"), rows, at_once=True)
