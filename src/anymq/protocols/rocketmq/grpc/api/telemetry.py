"""Telemetry, Heartbeat, NotifyClientTermination: who a client is, and what it is told."""

import json
from collections.abc import Sequence
from typing import Any

from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.grpc.call import GrpcCall
from anymq.protocols.rocketmq.grpc.checks import group_of, topic_of
from anymq.protocols.rocketmq.grpc.definition import (
    ClientType,
    Code,
    FilterType,
    Settings,
    Subscription,
    SubscriptionEntry,
)
from anymq.protocols.rocketmq.grpc.errors import OK, GrpcRefusal
from anymq.protocols.rocketmq.grpc.http2 import GrpcStatus
from anymq.protocols.rocketmq.grpc.inner import Answer
from anymq.protocols.rocketmq.grpc.manners import settings_for
from anymq.protocols.rocketmq.grpc.messages import (
    HeartbeatRequest,
    NotifyClientTerminationRequest,
    StatusResponse,
    TelemetryCommand,
)
from anymq.protocols.rocketmq.grpc.method import Method

TOPICS_MAX = 1000  # of one client
CONSUMERS = frozenset(
    (ClientType.PUSH_CONSUMER, ClientType.SIMPLE_CONSUMER, ClientType.PULL_CONSUMER)
)


# Telemetry


def on_command(call: GrpcCall, command: TelemetryCommand) -> None:
    """A client says something of itself."""
    client = call.client
    if client.telemetry is not call:
        client.telemetry = call
        call.on_gone = lambda: _ended(call)
    if command.settings is not None:
        _on_settings(call, command.settings)


def _ended(call: GrpcCall) -> None:
    if call.client.telemetry is call:
        call.client.telemetry = None


def _on_settings(call: GrpcCall, settings: Settings) -> None:
    if settings.publishing is None and settings.subscription is None:
        why = "there is no publishing or subscription data in settings"
        call.fail(GrpcStatus.INVALID_ARGUMENT, why)
        return
    _check(settings)
    call.client.settings = settings

    def joined(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
            return
        call.say(TelemetryCommand(status=OK, settings=settings_for(call.client, settings)))

    _beat(call, settings, joined)


def _check(settings: Settings) -> None:
    if settings.publishing is not None:
        topics = settings.publishing.topics
        for topic in topics:
            topic_of(topic)
    elif settings.subscription is not None:
        topics = [one.topic for one in settings.subscription.subscriptions if one.topic]
        group_of(settings.subscription.group)
    else:
        topics = []
    if len(topics) > TOPICS_MAX:
        raise GrpcRefusal(Code.BAD_REQUEST, f"too many topics, at most {TOPICS_MAX}")


# Heartbeats


def on_heartbeat(call: GrpcCall, request: HeartbeatRequest) -> None:
    """A client is still here."""
    settings = call.client.settings
    if settings is None:
        why = "cannot find client settings for this client"
        raise GrpcRefusal(Code.UNRECOGNIZED_CLIENT_TYPE, why)

    def beaten(answer: Answer) -> None:
        if answer.code:
            call.refuse_as(answer)
        else:
            call.answer(StatusResponse(OK))

    _beat(call, settings, beaten)


def _beat(call: GrpcCall, settings: Settings, then: Any) -> None:
    """Have it a member, as heartbeats by remoting do."""
    body: dict[str, Any] = {
        "clientID": call.client.client_id,
        "producerDataSet": [],
        "consumerDataSet": [],
    }
    if settings.publishing is not None:
        # Producers by gRPC have no groups: they answer for the topics that they send to.
        names = {topic_of(topic) for topic in settings.publishing.topics}
        body["producerDataSet"] = [{"groupName": name} for name in sorted(names)]
    elif settings.subscription is not None:
        body["consumerDataSet"] = [_consumer(settings.client_type or 0, settings.subscription)]
    call.ask(RequestCode.HEART_BEAT, {}, then, json.dumps(body).encode())


def _consumer(client_type: int, subscription: Subscription) -> dict[str, Any]:
    is_push = client_type == ClientType.PUSH_CONSUMER
    return {
        "groupName": group_of(subscription.group),
        "consumeType": "CONSUME_PASSIVELY" if is_push else "CONSUME_ACTIVELY",
        "messageModel": "CLUSTERING",
        "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
        "unitMode": False,
        "subscriptionDataSet": _subscriptions(subscription.subscriptions),
    }


def _subscriptions(entries: Sequence[SubscriptionEntry]) -> list[dict[str, Any]]:
    found = []
    for entry in entries:
        said = entry.expression
        is_sql = said is not None and said.type == FilterType.SQL
        found.append(
            {
                "classFilterMode": False,
                "topic": topic_of(entry.topic),
                "subString": (said.expression if said is not None else "") or "*",
                "tagsSet": [],
                "codeSet": [],
                "subVersion": 0,
                "expressionType": "SQL92" if is_sql else "TAG",
            }
        )
    return found


# The end


def on_termination(call: GrpcCall, request: NotifyClientTerminationRequest) -> None:
    """A client goes."""
    client = call.client
    settings, client.settings = client.settings, None
    if settings is None:
        why = "cannot find client settings for this client"
        raise GrpcRefusal(Code.UNRECOGNIZED_CLIENT_TYPE, why)
    client.rocketmq.clients.closed(client)
    call.answer(StatusResponse(OK))


METHODS = {
    "Telemetry": Method(TelemetryCommand, TelemetryCommand, on_command, talks=True),
    "Heartbeat": Method(HeartbeatRequest, StatusResponse, on_heartbeat),
    "NotifyClientTermination": Method(
        NotifyClientTerminationRequest, StatusResponse, on_termination
    ),
}
