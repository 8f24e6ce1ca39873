"""`anymq groups`: list, describe, reset, delete."""

import argparse
from datetime import datetime

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.admin import groups as admin
from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.commits import committed, set_committed
from anymq.cli.kafka.connecting import add_connection_flags, connect
from anymq.cli.kafka.offsets import EARLIEST, LATEST
from anymq.cli.kafka.resets import Target, partitions_named, plan
from anymq.cli.output import print_json, print_table

RESETTABLE = ("Empty", "Dead")
OFFSET_COLUMNS = ["TOPIC", "PARTITION", "OFFSET", "END", "LAG", "MEMBER", "CLIENT", "HOST"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("list", help="all consumer groups")
    action.add_argument("--json", action="store_true", help="for programs")
    action.set_defaults(do=list_groups)
    action = actions.add_parser("describe", help="how far they are, and who reads")
    action.add_argument("groups", nargs="+", metavar="GROUP")
    action.add_argument("--json", action="store_true", help="for programs")
    action.set_defaults(do=describe_groups)
    _configure_reset(actions.add_parser("reset", help="have a group go on elsewhere"))
    action = actions.add_parser("delete", help="forget groups and their offsets")
    action.add_argument("groups", nargs="+", metavar="GROUP")
    action.set_defaults(do=delete_groups)
    for action in actions.choices.values():
        add_connection_flags(action)


def _configure_reset(action: argparse.ArgumentParser) -> None:
    add = action.add_argument
    add("group")
    add(
        "--topic",
        action="append",
        metavar="TOPIC[:0,1]",
        help="repeatable; default: all that it has committed",
    )
    to = action.add_mutually_exclusive_group(required=True).add_argument
    to("--to-earliest", action="store_true", help="to the beginning of the log")
    to("--to-latest", action="store_true", help="to its end")
    to("--to-offset", type=int, metavar="N")
    to("--to-datetime", type=datetime.fromisoformat, metavar="TIME", help="2026-01-31T12:00")
    to("--shift-by", type=int, metavar="N", help="forward, or back when negative")
    how = action.add_mutually_exclusive_group().add_argument
    how("--dry-run", action="store_true", help="only show what would be (the default)")
    how("--execute", action="store_true", help="do it")
    add("--json", action="store_true", help="for programs")
    action.set_defaults(do=reset_group)


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    with connect(arguments) as cluster:
        arguments.do(cluster, arguments)
    return 0


def list_groups(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Print what there is."""
    found = admin.listing(cluster)
    if arguments.json:
        print_json([{"group": g.id, "state": g.state, "type": g.type.lower()} for g in found])
    elif found:
        print_table(["GROUP", "STATE", "TYPE"], [(g.id, g.state, g.type.lower()) for g in found])


def describe_groups(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Print how far each group is."""
    described = [admin.describe(cluster, name) for name in arguments.groups]
    if arguments.json:
        print_json([_as_json(group, admin.rows(cluster, group)) for group in described])
        return
    for group in described:
        rows = admin.rows(cluster, group)
        lag = sum(row.lag or 0 for row in rows)
        print(f"{group.id}  {group.state}, {len(group.members)} members, {lag} messages behind")
        if rows:
            print_table(OFFSET_COLUMNS, [_cells(row) for row in rows])
        for member in group.members:
            if not member.partitions:
                print(f"idle: {member.id} ({member.client}, {member.host})")


def _cells(row: admin.Row) -> list[object]:
    member = row.member
    who = [member.id, member.client, member.host] if member else [None, None, None]
    return [row.topic, row.partition, row.offset, row.end, row.lag, *who]


def _as_json(group: admin.Group, rows: list[admin.Row]) -> dict[str, object]:
    return {
        "group": group.id,
        "state": group.state,
        "assignor": group.assignor,
        "coordinator": group.coordinator.id,
        "lag": sum(row.lag or 0 for row in rows),
        "members": [
            {"id": m.id, "instance": m.instance, "client": m.client, "host": m.host}
            for m in group.members
        ],
        "partitions": [
            {
                "topic": row.topic,
                "partition": row.partition,
                "offset": row.offset,
                "end": row.end,
                "lag": row.lag,
                "member": row.member.id if row.member else None,
            }
            for row in rows
        ],
    }


def reset_group(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Show where the group would go on; make it so when told to."""
    name = arguments.group
    before = committed(cluster, name)
    partitions = partitions_named(cluster, arguments.topic) if arguments.topic else sorted(before)
    if not partitions:
        if not arguments.topic:
            admin.describe(cluster, name)  # says so when there is none
        raise CommandFailed(f"group {name!r} has committed nothing yet: name a --topic")
    after = plan(cluster, name, partitions, _target(arguments)).offsets
    if arguments.execute:
        _check_no_members(cluster, name)
        set_committed(cluster, name, after)
    rows = [(*where, before.get(where), after[where]) for where in sorted(after)]
    names = ("topic", "partition", "before", "after")
    if arguments.json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table([each.upper() for each in names], rows)
    if not arguments.execute:
        print("nothing was changed: --execute does it")


def _check_no_members(cluster: Cluster, name: str) -> None:
    if name not in {group.id for group in admin.listing(cluster)}:
        return  # made by its first offsets
    group = admin.describe(cluster, name)
    if group.state not in RESETTABLE:
        raise CommandFailed(f"group {name!r} has {len(group.members)} members: stop them first")


def _target(arguments: argparse.Namespace) -> Target:
    if arguments.to_earliest:
        return Target(special=EARLIEST)
    if arguments.to_latest:
        return Target(special=LATEST)
    if arguments.to_datetime is not None:
        return Target(time_ms=int(arguments.to_datetime.timestamp() * 1000))
    return Target(offset=arguments.to_offset, shift=arguments.shift_by)


def delete_groups(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Delete them; the first that cannot be is said, the others are gone."""
    for name, error in admin.delete(cluster, arguments.groups).items():
        if error is not None:
            raise CommandFailed(f"{name}: {error}")
