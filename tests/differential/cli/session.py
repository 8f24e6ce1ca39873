"""What people script with rabbitmqctl, one command after another, and how answers are compared."""

import json
import re
import shlex
from dataclasses import dataclass

# Two queues, a binding and a message are there before. `!` before a command: the tool's text for
# people is not compared, only how it ends and that it said something.
COMMANDS = r"""
add_vhost v1
add_vhost v1
add_vhost v2 --description d --tags a,b --default-queue-type quorum
add_user ada secret
add_user ada secret
set_user_tags ada management policymaker
set_user_tags nobody management
set_permissions -p v1 ada ^a .* .*
set_permissions -p nope ada ^a .* .*
set_permissions -p v1 nobody ^a .* .*
set_topic_permissions -p v1 ada amq.topic ^a .*
set_policy -p v1 ttl ^q {"message-ttl":1000} --apply-to queues --priority 3
!set_policy -p v1 bad ^q {"nope":1000}
!set_policy -p v1 bad ^q {
set_policy -p v1 bad
set_operator_policy -p v1 len ^q {"max-length":1000}
set_vhost_limits -p v1 {"max-queues":10}
set_user_limits ada {"max-channels":10}
set_global_parameter thing {"a":1}
list_users
list_users --formatter json
list_users -q
list_users -s
list_users --no-table-headers
list_vhosts name tags description default_queue_type
list_permissions -p v1
list_permissions -p nope
list_permissions --formatter json
list_user_permissions ada
!list_user_permissions nobody
list_topic_permissions -p v1
list_policies -p v1
list_policies -p v1 --formatter json
list_policies
list_operator_policies -p v1
list_vhost_limits
list_vhost_limits -p v1
list_user_limits --user ada
list_queues
list_queues -q name messages consumers durable arguments type policy
list_queues name messages arguments --formatter json
list_queues --formatter csv
list_queues nope
list_queues name -x
list_queues -p nope
list_queues -p nope --formatter json
list_queues -p nope --formatter csv
list_exchanges
list_exchanges name type durable auto_delete internal arguments policy
list_exchanges name type --formatter csv
list_bindings
list_bindings source_name destination_name routing_key arguments --formatter json
list_connections
list_channels
list_consumers
list_unresponsive_queues
authenticate_user ada secret
authenticate_user ada wrong
change_password ada new
change_password nobody new
authenticate_user ada new
clear_password ada
!authenticate_user ada new
delete_queue nope
delete_queue gone
purge_queue qq
purge_queue nope
close_all_connections --vhost v1 reason
close_all_user_connections ada reason
enable_feature_flag all
enable_feature_flag nope
set_cluster_name foo
!rotate_logs
!ping
await_startup
!status
!cluster_status
version
list_que
add_user
add_user a b c
clear_permissions -p v1 ada
clear_permissions nobody
clear_topic_permissions -p v1 ada
clear_policy -p v1 ttl
clear_policy -p v1 nope
clear_operator_policy -p v1 len
clear_vhost_limits -p v1
clear_user_limits ada all
clear_global_parameter thing
clear_global_parameter thing
update_vhost_metadata v1 --description foo --tags a,b
set_vhost_tags v1 c d
trace_on -p v1
trace_off -p v1
list_parameters -p v1
list_user_limits --global
list_vhosts -q name tags description
delete_user ada
delete_user ada
delete_vhost v1
delete_vhost v1
-q delete_vhost v2
export_definitions -
import_definitions /nowhere/nope.json
"""

# The same, of rabbitmq-diagnostics.
DIAGNOSTICS = r"""
check_running
is_running
is_booting
check_alarms
check_alarms --formatter json
alarms
!listeners
!check_port_connectivity
!check_port_listener 1
check_protocol_listener amqp
!check_protocol_listener nope
check_virtual_hosts
server_version
!memory_breakdown
"""

# What RabbitMQ says and we do not, or otherwise: (a pattern of its lines, why).
ONLY_THEIRS = ((r"amq\.rabbitmq\.log\b", "an exchange for its own log"),)
# Ids of processes, where Erlang has them.
ANY_PID = re.compile(r"<[\w@.:-]+>")
ROWS = re.compile(r"\t|^\"|^,?\{")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


def commands(text: str) -> list[tuple[str, list[str], bool]]:
    """Return each: its text, its words, whether the text it says is compared."""
    lines = [line for line in text.splitlines() if line]
    return [(line, _words(line.removeprefix("!")), line[0] != "!") for line in lines]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.quotes, lexer.escape, lexer.commenters, lexer.whitespace_split = "", "", "", True
    return list(lexer)


def compared(ended: Ended, node: str, *, text: bool) -> object:
    """Make of it what must be the same: rows in any order, nodes and pids without names."""
    if not text:
        return ended.status, bool(ended.out.strip()), bool(ended.err.strip())
    out = _comparable(ended.out, node)
    return ended.status, out, _comparable(ended.err, node) if ended.status else []


def _comparable(text: str, node: str) -> list[str]:
    if text.startswith("{"):
        return sorted(json.loads(text))  # a document: its keys
    lines = [ANY_PID.sub("<pid>", line.replace(node, "NODE")).rstrip() for line in text.split("\n")]
    kept = [line for line in lines if not any(re.search(one, line) for one, _ in ONLY_THEIRS)]
    rows = [_row(line) for line in kept if ROWS.search(line)]
    return [line for line in kept if line and not ROWS.search(line)] + sorted(rows)


def _row(line: str) -> str:
    """Objects of JSON have their keys in any order."""
    if line.startswith(("{", ",{")):
        return json.dumps(json.loads(line.removeprefix(",")), sort_keys=True)
    return line
