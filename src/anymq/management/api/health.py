"""Health checks: 200 when all is well, 503 and a reason when it is not."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from anymq.management.api import routes
from anymq.management.api.call import Call
from anymq.management.api.faults import bad_request
from anymq.management.api.site import Door
from anymq.management.http import Answer, json
from anymq.security.certificate_dates import end_of

ROUTES = routes.Routes()
DAYS = {"days": 1, "weeks": 7, "months": 30, "years": 365}
DAYS_MAX = 2_900_000  # a date after that cannot be written


def _well(**more: Any) -> Answer:
    return json({"status": "ok", **more})


def _ill(reason: str, **more: Any) -> Answer:
    said = {"status": "failed", "reason": reason, **more}
    return json(said, HTTPStatus.SERVICE_UNAVAILABLE)


@ROUTES.get("/health/checks/alarms")
def alarms(call: Call) -> Answer:
    """No alarm of memory or disk is in effect."""
    on = sorted(call.broker.flow.alarms)
    if not on:
        return _well()
    named = [{"node": call.site.node, "resource": each} for each in on]
    return _ill("There are alarms in effect in the cluster", alarms=named)


@ROUTES.get("/health/checks/local-alarms")
def local_alarms(call: Call) -> Answer:
    """No alarm of memory or disk is in effect here."""
    return alarms(call)


@ROUTES.get("/health/checks/certificate-expiration/:within/:unit")
def certificate_expiration(call: Call) -> Answer:
    """No certificate of a listener ends within so many days, weeks, months or years."""
    within, unit = call.names["within"], call.names["unit"].lower()
    if not within.isdecimal() or len(within) > 6:
        raise bad_request("Invalid expiration value.")
    if unit not in DAYS:
        raise bad_request("Time unit not recognised. Supported units: days, weeks, months, years.")
    days = min(int(within) * DAYS[unit], DAYS_MAX)
    until = datetime.now(UTC) + timedelta(days=days)
    expired = [_ending(call, door, until) for door in call.site.doors() if door.tls]
    found = [one for one in expired if one]
    return _ill("Certificates expiring", expired=found) if found else _well()


def _ending(call: Call, door: Door, until: datetime) -> dict[str, Any]:
    """Say which certificates of a listener end before that; nothing, if none does."""
    machine = call.site.machine()
    files = {"certfile": machine.certificate, "cacertfile": machine.client_ca}
    ends = {f"{name}_expires_on": _ends_before(path, until) for name, path in files.items()}
    if not any(ends.values()):
        return {}
    listener = {"node": call.site.node, "interface": door.host, "port": door.port}
    return {**listener, "protocol": door.protocol, **files, **ends}


def _ends_before(path: str, until: datetime) -> list[str]:
    if not path:
        return []
    try:
        end = end_of(Path(path).read_text())
    except (OSError, ValueError) as error:
        return [f"{path}: {error}"]
    return [f"{end:%Y-%m-%d %H:%M:%S}"] if end < until else []


@ROUTES.get("/health/checks/virtual-hosts")
def virtual_hosts(_: Call) -> Answer:
    """All virtual hosts run."""
    return _well()


@ROUTES.get("/health/checks/port-listener/:port")
def port_listener(call: Call) -> Answer:
    """Somebody listens at this port."""
    try:
        port = int(call.names["port"])
    except ValueError:
        raise bad_request("Invalid port") from None
    ports = sorted(door.port for door in call.site.doors())
    if port in ports:
        return _well(port=port)
    return _ill("No active listener", missing=port, ports=ports)


@ROUTES.get("/health/checks/protocol-listener/:protocols")
def protocol_listener(call: Call) -> Answer:
    """Somebody speaks these protocols (amqp, amqp/ssl, http, kafka; with commas between)."""
    protocols = sorted({door.protocol for door in call.site.doors()})
    wanted = call.names["protocols"].split(",")
    missing = [each for each in wanted if each not in protocols]
    if not missing:
        return _well(protocols=protocols)
    return _ill("No active listener", missing=missing, protocols=protocols)


@ROUTES.get("/health/checks/node-is-quorum-critical")
def quorum_critical(_: Call) -> Answer:
    """No queue would lose its majority if this node stopped."""
    return _well(reason="single node cluster")


@ROUTES.get("/health/checks/is-in-service", routes.ANYBODY)
def in_service(_: Call) -> Answer:
    """The node serves."""
    return _well()


@ROUTES.get("/health/checks/ready-to-serve-clients", routes.ANYBODY)
def ready(_: Call) -> Answer:
    """The node takes clients."""
    return _well()


@ROUTES.get("/health/checks/below-node-connection-limit", routes.ANYBODY)
def below_limit(call: Call) -> Answer:
    """There is room for more connections."""
    machine = call.site.machine()
    if sum(call.site.connections().values()) < machine.connections_max:
        return _well()
    return _ill("There are as many connections as there may be")


@ROUTES.get("/health/checks/reached-target-cluster-size", routes.ANYBODY)
def cluster_size(_: Call) -> Answer:
    """The cluster is as large as it should be."""
    return _well()


@ROUTES.get("/health/checks/metadata-store/initialized")
def metadata(_: Call) -> Answer:
    """The definitions are loaded."""
    return _well()


@ROUTES.get("/healthchecks/node")
def node(call: Call) -> Answer:
    """The node is well: no alarms."""
    return alarms(call)


@ROUTES.get("/aliveness-test/:vhost")
def aliveness(call: Call) -> Answer:
    """The virtual host is there and answers."""
    _ = call.vhost
    return _well()
