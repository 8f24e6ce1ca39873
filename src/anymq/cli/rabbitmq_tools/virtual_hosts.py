"""rabbitmqctl: virtual hosts."""

from typing import Any

from anymq.cli.rabbitmq_tools.access import check_vhost
from anymq.cli.rabbitmq_tools.call import BOOLEAN, TEXT, Bare, Call, Commands, Exit

COMMANDS = Commands()
METADATA = {"description": TEXT, "tags": TEXT, "default_queue_type": TEXT}
METADATA_USAGE = (
    '[--description <description> --tags "<tag1>,<tag2>,<...>"'
    " --default-queue-type <quorum|classic|stream>]"
)


@COMMANDS.add(f"add_vhost <vhost> {METADATA_USAGE}", 1, more=METADATA)
def add_vhost(call: Call) -> None:
    """Makes a virtual host; that there is one is no error."""
    call.say(f'Adding vhost "{call.words[0]}" ...')
    call.api.put("vhosts", call.words[0], body=_metadata(call))


@COMMANDS.add(
    f"update_vhost_metadata <vhost> {METADATA_USAGE}",
    1,
    protected_from_deletion=BOOLEAN,
    more=METADATA,
)
def update_vhost_metadata(call: Call) -> None:
    """Changes what is said of a virtual host."""
    call.say(f'Updating metadata of vhost "{call.words[0]}" ...')
    body = {**_there(call, call.words[0]), **_metadata(call)}
    call.api.put("vhosts", call.words[0], body=body)


@COMMANDS.add("set_vhost_tags <vhost> <tag> [...]", 1, -1)
def set_vhost_tags(call: Call) -> None:
    """Gives a virtual host these tags and no others."""
    name, *tags = call.words
    call.say(f'Setting tags for virtual host "{name}" to [{", ".join(tags)}] ...')
    call.api.put("vhosts", name, body={**_there(call, call.words[0]), "tags": ",".join(tags)})


@COMMANDS.add("delete_vhost <vhost>", 1)
def delete_vhost(call: Call) -> None:
    """Unmakes a virtual host with all that is in it."""
    call.say(f'Deleting vhost "{call.words[0]}" ...')
    _there(call, call.words[0])
    call.api.delete("vhosts", call.words[0])


@COMMANDS.add("enable_vhost_deletion_protection <vhost>", 1)
def enable_vhost_deletion_protection(call: Call) -> None:
    """Keeps a virtual host from being deleted."""
    name = call.words[0]
    call.say(f'Protecting virtual host "{name}" from removal by updating its metadata...')
    call.api.post("vhosts", name, "deletion", "protection")


@COMMANDS.add("disable_vhost_deletion_protection <vhost>", 1)
def disable_vhost_deletion_protection(call: Call) -> None:
    """Lets a virtual host be deleted again."""
    name = call.words[0]
    what = f'deletion protection from virtual host "{name}"'
    call.say(f"Removing {what} by updating its metadata...")
    call.api.delete("vhosts", name, "deletion", "protection")


@COMMANDS.add("restart_vhost [--vhost <vhost>]")
def restart_vhost(call: Call) -> None:
    """Does nothing: virtual hosts do not stop."""
    call.say(f"Trying to restart vhost '{call.vhost}' on node '{call.node}' ...")
    check_vhost(call, to_list=True)
    call.say(f"Vhost '{call.vhost}' is already running on node '{call.node}'")


@COMMANDS.add("trace_on [--vhost <vhost>]")
def trace_on(call: Call) -> None:
    """Copies messages of a virtual host to amq.rabbitmq.trace."""
    call.say(f'Starting tracing for vhost "{call.vhost}" ...')
    _trace(call, wanted=True)


@COMMANDS.add("trace_off [--vhost <vhost>]")
def trace_off(call: Call) -> None:
    """Copies them no more."""
    call.say(f'Stopping tracing for vhost "{call.vhost}" ...')
    _trace(call, wanted=False)


def _trace(call: Call, *, wanted: bool) -> None:
    kept = _there(call, call.vhost)
    call.api.put("vhosts", call.vhost, body={**kept, "tracing": wanted})
    if call.api.get("vhosts", call.vhost)["tracing"] is not wanted:
        raise Bare(Exit.UNAVAILABLE, "this broker cannot trace yet")
    call.say(f"Trace {'enabled' if wanted else 'disabled'} for vhost {call.vhost}")


def _there(call: Call, vhost: str) -> dict[str, Any]:
    """Return what is said of a virtual host, to say it again: what is left out would be gone."""
    if (found := call.api.find("vhosts", vhost)) is None:
        raise Bare(Exit.DATA, f"Virtual host '{vhost}' does not exist")
    tags = ",".join(found.get("tags") or ())
    kept = {key: found[key] for key in ("description", "default_queue_type") if found.get(key)}
    return {**kept, "tags": tags}


def _metadata(call: Call) -> dict[str, Any]:
    keys = (*METADATA, "protected_from_deletion")
    return {key: call.options[key] for key in keys if key in call.options}
