"""The broker as a whole: overview, nodes, who asks."""

import os
import platform
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import Any

import anymq
from anymq.core.flow import DISK, MEMORY
from anymq.core.routing.types import OURS
from anymq.management.api import numbers, routes
from anymq.management.api.call import DATA_OF, LENGTHS_OF, MESSAGES_OF, NODE_OF, Call
from anymq.management.api.faults import no_object
from anymq.management.api.kafka_clients import sessions_of
from anymq.management.api.site import Door, Site
from anymq.management.api.totals import Sums, summed
from anymq.management.http import JSON, Answer, Response, encode, json
from anymq.protocols.amqp.conversation import COMPAT_VERSION

ROUTES = routes.Routes()


@ROUTES.get("/overview")
def overview(call: Call) -> Answer:
    """The broker at a glance: versions, totals, listeners."""
    return with_sums(call, lambda sums: call.shown(_overview(call, sums)))


def with_sums(call: Call, make: Callable[[Sums], Response]) -> Response:
    """Answer with what all queues add up to; they are gone through some at a time."""

    def pieces() -> Generator[bytes, None, Response]:
        sums = yield from summed(call.broker)
        return make(sums)

    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces())


def _overview(call: Call, sums: Sums) -> dict[str, Any]:
    site = call.site
    broker, conversations = site.broker, site.amqp.conversations
    traffic = site.sampler.seen.traffic()
    data = {"recv_oct": traffic.received, "send_oct": traffic.sent}
    return {
        "management_version": COMPAT_VERSION,
        "rates_mode": "basic",
        "product_name": "anymq",
        "product_version": anymq.__version__,
        "rabbitmq_version": COMPAT_VERSION,
        "cluster_name": site.cluster_name,
        "cluster_tags": {},
        "node_tags": {},
        "erlang_version": "",
        "erlang_full_version": f"none: Python {platform.python_version()}",
        "crypto_lib_version": "",
        "default_queue_type": "classic",
        "disable_stats": False,
        "enable_queue_totals": False,
        "is_op_policy_updating_enabled": False,
        "require_definition_json_extension": False,
        "sample_retention_policies": {"global": [], "basic": [], "detailed": []},
        "statistics_db_event_queue": 0,
        "exchange_types": _exchange_types(),
        "message_stats": call.rated_of_all(numbers.message_stats(site.amqp.counters), MESSAGES_OF),
        "data_stats": call.rated_of_all(data, DATA_OF),
        "churn_rates": {},
        "queue_totals": call.rated_of_all(sums.all.messages, LENGTHS_OF),
        "object_totals": {
            "channels": sum(len(one.channels or ()) for one in conversations),
            "connections": _connections_count(site),
            "consumers": sums.all.consumers,
            "exchanges": sum(len(vhost.exchanges) for vhost in broker.vhosts.values()),
            "queues": sums.all.queues,
            "topics": len(broker.topics),
            "groups": len(broker.groups.names()) + len(broker.shares.names()),
        },
        "node": site.node,
        "listeners": [_listener(site, door) for door in site.doors()],
        "contexts": _contexts(site),
    }


def _connections_count(site: Site) -> int:
    return len(site.amqp.conversations) + len(sessions_of(site.kafka)) + len(site.talkers())


def _exchange_types() -> list[dict[str, Any]]:
    return [
        {"name": name, "description": kind.description, "enabled": True}
        for name, kind in sorted(OURS.items())
    ]


def _listener(site: Site, door: Door) -> dict[str, Any]:
    return {
        "node": site.node,
        "protocol": door.protocol,
        "ip_address": door.host,
        "port": door.port,
        "socket_opts": {},
        "tls": door.tls,
    }


def _contexts(site: Site) -> list[dict[str, Any]]:
    return [
        {
            "node": site.node,
            "description": "anymq management",
            "path": "/",
            "ip": door.host,
            "port": str(door.port),
            "ssl_opts": [],
        }
        for door in site.doors()
        if door.protocol == "http"
    ]


@ROUTES.get("/whoami", routes.USER)
def whoami(call: Call) -> Answer:
    """The user who asks."""
    tags = list(call.caller.tags)
    return call.shown({"name": call.caller.name, "tags": tags, "is_internal_user": True})


@ROUTES.get("/cluster-name")
def cluster_name(call: Call) -> Answer:
    """The name of this broker."""
    return call.shown({"name": call.site.cluster_name})


@ROUTES.get("/extensions")
def extensions(_: Call) -> Answer:
    """Extensions of the management page: none."""
    return json([])


@ROUTES.get("/version", routes.ANYBODY)
def version(_: Call) -> Answer:
    """The version of RabbitMQ whose behaviour this is."""
    return Response(HTTPStatus.OK, encode(COMPAT_VERSION), JSON)


@ROUTES.get("/nodes", routes.MONITORING)
def nodes(call: Call) -> Answer:
    """All nodes: this one."""
    return call.listed([call.site], lambda _: node_row(call), lambda site: site.node)


@ROUTES.get("/nodes/:node", routes.MONITORING)
def node(call: Call) -> Answer:
    """One node: memory, disk, files, alarms."""
    if call.names["node"] != call.site.node:
        raise no_object()
    return call.shown(node_row(call))


def node_row(call: Call) -> dict[str, Any]:
    """Return what there is to say about this node."""
    site = call.site
    machine, alarms = site.machine(), site.broker.flow.alarms
    connections = sum(site.connections().values())
    measured = {
        "mem_used": machine.memory_bytes,
        "fd_used": machine.files,
        "sockets_used": connections,
        "proc_used": 1,
        "disk_free": machine.disk_free_bytes,
    }
    return {
        "name": site.node,
        "type": "disc",
        "running": True,
        "being_drained": False,
        "os_pid": str(os.getpid()),
        "uptime": site.broker.clock.wall_ms() - site.started_ms,
        "processors": os.cpu_count() or 1,
        "run_queue": 0,
        "rates_mode": "basic",
        "fd_total": machine.files_max,
        "sockets_total": machine.connections_max,
        "proc_total": 1,
        "mem_limit": machine.memory_bytes_max,
        "mem_alarm": MEMORY in alarms,
        "mem_calculation_strategy": "rss",
        "disk_free_limit": machine.disk_free_bytes_min,
        "disk_free_alarm": DISK in alarms,
        "db_dir": machine.data_dir,
        "rabbitmq_version": COMPAT_VERSION,
        "exchange_types": _exchange_types(),
        "auth_mechanisms": [
            {"name": name, "description": "", "enabled": True}
            for name in sorted(site.amqp.settings.mechanisms)
        ],
        "applications": [
            {"name": "anymq", "description": "anymq", "version": anymq.__version__},
        ],
        "contexts": _contexts(site),
        "enabled_plugins": [],
        "config_files": [],
        "log_files": [],
        "partitions": [],
        "cluster_links": [],
        **call.rated_of_all(measured, NODE_OF),
    }
