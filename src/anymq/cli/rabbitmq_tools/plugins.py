"""rabbitmq-plugins: what RabbitMQ has in plugins is built in here, and always on."""

import re

from anymq.cli.api import Unreachable
from anymq.cli.rabbitmq_tools.call import BOOLEAN, Call, Commands, Exit, Failed
from anymq.protocols.amqp.conversation import COMPAT_VERSION

COMMANDS = Commands()
BUILT_IN = (
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_delayed_message_exchange",
    "rabbitmq_management",
    "rabbitmq_management_agent",
    "rabbitmq_prometheus",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
    "rabbitmq_web_dispatch",
)
WHEN = {"offline": BOOLEAN, "online": BOOLEAN}


@COMMANDS.add(
    "list [pattern] [--verbose] [--minimal] [--enabled] [--implicitly-enabled]",
    0,
    1,
    letters={"v": "verbose", "m": "minimal", "E": "enabled", "e": "implicitly_enabled"},
    verbose=BOOLEAN,
    minimal=BOOLEAN,
    enabled=BOOLEAN,
    implicitly_enabled=BOOLEAN,
    silent=BOOLEAN,
)
def list_plugins(call: Call) -> None:
    """Lists what is built in."""
    pattern = call.words[0] if call.words else ".*"
    call.say(f'Listing plugins with pattern "{pattern}" ...')
    for name in BUILT_IN:
        if re.search(pattern, name):
            call.print(name if call.options.get("minimal") else f"[E*] {name} {COMPAT_VERSION}")


@COMMANDS.add("enable <plugin>|--all [--offline] [--online]", 0, -1, more={"all": BOOLEAN, **WHEN})
def enable(call: Call) -> None:
    """Does nothing for what is built in; fails for what is not there."""
    call.say(f"Enabling plugins on node {_node(call)}:", *call.words)
    _check_known(call)
    _say_all(call)


@COMMANDS.add("set [<plugin>] [--offline] [--online]", 0, -1, more=WHEN)
def set_plugins(call: Call) -> None:
    """Does nothing for what is built in; fails for what is not there."""
    call.say(f"Setting plugins on node {_node(call)}:", *call.words)
    _check_known(call)
    _say_all(call)


@COMMANDS.add("disable <plugin>|--all [--offline] [--online]", 0, -1, more={"all": BOOLEAN, **WHEN})
def disable(call: Call) -> None:
    """Does nothing: what is built in stays."""
    call.say(f"Disabling plugins on node {_node(call)}:", *call.words)
    _say_all(call)


@COMMANDS.add("is_enabled <plugin1> [ <plugin2>] [--offline] [--online]", 1, -1, more=WHEN)
def is_enabled(call: Call) -> None:
    """Fails unless all these are built in."""
    node = _node(call)
    call.say(f"Asking node {node} if plugin {', '.join(call.words)} is enabled...")
    if missing := _missing(call):
        known = ", ".join(BUILT_IN)
        what = f"Plugin {', '.join(missing)} is not enabled on node {node}."
        raise Failed(Exit.UNAVAILABLE, f"{what} Enabled plugins and dependencies: {known}")
    call.print(f"Plugin {', '.join(call.words)} is enabled on node {node}")


def _missing(call: Call) -> list[str]:
    return [name for name in call.words if name not in BUILT_IN]


def _check_known(call: Call) -> None:
    """Say so rather than go on: who needs it would miss it later."""
    if missing := _missing(call):
        raise Failed(Exit.UNAVAILABLE, f"not built in, and no plugin here: {', '.join(missing)}")


def _say_all(call: Call) -> None:
    call.say("The following plugins have been configured:", *(f"  {name}" for name in BUILT_IN))
    call.say("Plugin configuration unchanged.")


def _node(call: Call) -> str:
    """Plugins are enabled before the broker runs, too."""
    try:
        return "offline" if call.options.get("offline") else call.node
    except Unreachable:
        return "offline"
