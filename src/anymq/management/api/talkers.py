"""Connections of MQTT's, STOMP's and RocketMQ's clients, among those of every protocol."""

from typing import Any

from anymq.management.api import kafka_clients, routes
from anymq.management.api.call import Call
from anymq.protocols.session import Talker


def visible(call: Call) -> list[Talker]:
    """Return those that the caller may see."""
    wanted = {vhost.name for vhost in call.vhosts_to_see}
    sees_all = call.caller.may_use(routes.MONITORING)
    return [
        one
        for one in call.site.talkers()
        if one.vhost_name in wanted and (sees_all or one.user == call.caller.name)
    ]


def row(call: Call, one: Talker) -> dict[str, Any]:
    """Return what lists say about one."""
    peer = one.peer
    named = {"client_id": one.client_id} if one.client_id else {}
    return {
        "name": peer.connection_name,
        "peer_host": peer.host,
        "peer_port": peer.port,
        "host": peer.local_host,
        "port": peer.local_port,
        "user_provided_name": one.client_id,
        "client_id": one.client_id,
        "user": one.user,
        "user_who_performed_action": one.user,
        "vhost": one.vhost_name,
        "node": call.site.node,
        "type": "network",
        "protocol": f"Web {one.protocol}" if peer.web else one.protocol,
        "auth_mechanism": "",
        "state": "running",
        "channels": 0,
        "channel_max": 0,
        "frame_max": 0,
        "timeout": one.keep_alive,
        "connected_at": one.since_ms,
        "client_properties": named,
        "ssl": peer.tls,
        **one.facts,
        **kafka_clients.traffic(call, one, peer),
    }
