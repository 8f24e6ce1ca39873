"""Metrics by the names of RabbitMQ and Kafka: dashboards and alerts that people have go on."""

import re
from collections.abc import Iterator

import pytest

from anymq.core.streams.group_calls import CommitRequest, NewOffset
from anymq.management.api.guard import for_watchers
from anymq.management.http import Later, Request, Response, text
from anymq.management.kafka_metrics import watch_as_kafka
from anymq.management.object_metrics import (
    AT_ONCE_MAX,
    FAMILIES,
    ObjectMetrics,
    WrongQuery,
    metrics_of,
    pattern,
)
from anymq.management.queue_metrics import watch_queues
from anymq.management.rabbitmq_metrics import watch_as_rabbitmq
from anymq.observability.metrics import DECLARED, Registry
from anymq.protocols.amqp import methods
from anymq.testing.http import HttpRoom, basic

LINE = re.compile(r'[a-z_:]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)+\})? -?[0-9.e+-]+')


class Room(HttpRoom):
    """A broker where something happened."""

    def __init__(self) -> None:
        super().__init__()
        self.put("/api/vhosts/other")
        for vhost, name in (("%2F", "jobs"), ("%2F", "done"), ("other", "jobs")):
            arguments = {"x-queue-type": "quorum"} if name == "done" else {}
            body = {"durable": True, "arguments": arguments}
            assert self.put(f"/api/queues/{vhost}/{name}", body).status == 201
        self.put("/api/topics/news", {"partitions": 2})
        for number in range(5):
            self.send("jobs", f"{number}")
        offsets = [NewOffset("news", 0, 0, -1, "")]
        self.broker.groups.commit(CommitRequest(group="readers", offsets=offsets), lambda _: None)
        self.client = self.dialog().log_in().open(1)
        self.client >> (1, methods.BasicGet("jobs", no_ack=False))
        self.client >> (1, methods.BasicGet("jobs", no_ack=True))
        self.client >> (1, methods.BasicGet("done", no_ack=True))
        self.write_to_disk()

    def send(self, key: str, payload: str) -> None:
        said = self.post(
            "/api/exchanges/%2F/amq.default/publish",
            {
                "properties": {"delivery_mode": 2},
                "routing_key": key,
                "payload": payload,
                "payload_encoding": "string",
            },
        )
        assert said.status == 200

    def summed(self) -> dict[str, str]:
        registry = Registry()
        numbers = watch_queues(registry, self.broker)
        list(numbers.look())
        watch_as_rabbitmq(registry, self.site, numbers)
        watch_as_kafka(registry, self.broker, self.kafka)
        return samples(b"".join(registry.exposition()))


@pytest.fixture
def room() -> Room:
    return Room()


def samples(exposition: bytes) -> dict[str, str]:
    """Return the numbers, and look whether Prometheus would take them."""
    lines = [line for line in exposition.decode().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    found = dict(line.rsplit(" ", 1) for line in lines)
    assert len(found) == len(lines), "one line twice"
    return found


def whole(response: Response) -> Response:
    """Make all of an answer."""
    pieces, made = response.pieces, b""
    assert pieces is not None
    while True:
        try:
            made += next(pieces)
        except StopIteration as end:
            return end.value or Response(response.status, made)


def asked(room: Room, query: str) -> dict[str, str]:
    said = ObjectMetrics(room.site).detailed(Request("GET", "/metrics/detailed", query))
    return samples(whole(said).body)


def test_every_number_that_is_declared_comes_from_somewhere(room: Room) -> None:
    names = {name.partition("{")[0] for name in room.summed()}

    declared = {name for name in DECLARED if name.startswith(("rabbitmq_", "kafka_"))}
    by_login = {name for name in declared if "auth_attempts" in name}  # nobody tried, but guest
    assert declared - names - by_login == {"kafka_network_requestmetrics_requests_total"}


def test_they_say_what_is_so(room: Room) -> None:
    said = room.summed()

    classic = '{protocol="amqp091",queue_type="rabbit_classic_queue"}'
    quorum = '{protocol="amqp091",queue_type="rabbit_quorum_queue"}'
    assert (
        said.items()
        >= {
            "rabbitmq_queues": "4",
            "rabbitmq_queue_messages_ready": "3",
            "rabbitmq_queue_messages_unacked": "1",
            "rabbitmq_queue_messages": "4",
            "rabbitmq_queue_messages_published_total": "5",
            "rabbitmq_connections": "1",
            "rabbitmq_channels": "1",
            "rabbitmq_channels_closed_total": "0",
            f"rabbitmq_global_messages_delivered_total{classic}": "2",
            f"rabbitmq_global_messages_delivered_get_manual_ack_total{classic}": "1",
            f"rabbitmq_global_messages_delivered_get_auto_ack_total{classic}": "1",
            f"rabbitmq_global_messages_get_empty_total{quorum}": "1",
            "kafka_server_replicamanager_partitioncount": "2",
            'kafka_consumergroup_lag_sum{consumergroup="readers",topic="news"}': "0",
            'kafka_consumergroup_members{consumergroup="readers"}': "0",
        }.items()
    )


def test_what_a_queue_counted_stays_when_it_goes(room: Room) -> None:
    """Prometheus would take it for a restart."""
    before = room.summed()
    room.delete("/api/queues/%2F/jobs")
    room.write_to_disk()
    after = room.summed()

    counters = [name for name in before if name.partition("{")[0].endswith("_total")]
    assert [name for name in counters if float(after[name]) < float(before[name])] == []


def test_each_object_has_numbers_of_its_own(room: Room) -> None:
    said = samples(whole(ObjectMetrics(room.site).per_object(Request("GET", "/"))).body)

    assert said['rabbitmq_queue_messages_ready{vhost="/",queue="jobs"}'] == "3"
    assert said['rabbitmq_queue_messages_ready{vhost="other",queue="jobs"}'] == "0"
    assert said['rabbitmq_queue_get_ack_total{vhost="/",queue="jobs"}'] == "1"
    group = 'consumergroup="readers",topic="news",partition="0"'
    assert said[f"kafka_consumergroup_lag{{{group}}}"] == "0"
    assert said['kafka_topic_partitions{topic="news"}'] == "2"
    [channel] = [name for name in said if name.startswith("rabbitmq_channel_messages_unacked{")]
    assert said[channel] == "1"
    assert any('rabbitmq_endpoint="per-object"' in name for name in said)


def test_of_the_details_only_what_is_asked_for(room: Room) -> None:
    said = asked(room, "family=queue_coarse_metrics&family=vhost_status&vhost=%2F&queue=^jo")
    ours = {name: number for name, number in said.items() if "_info" not in name}

    assert ours == {
        'rabbitmq_detailed_queue_messages_ready{vhost="/",queue="jobs"}': "3",
        'rabbitmq_detailed_queue_messages_unacked{vhost="/",queue="jobs"}': "1",
        'rabbitmq_detailed_queue_messages{vhost="/",queue="jobs"}': "4",
        'rabbitmq_cluster_vhost_status{vhost="/"}': "1",
    }
    assert asked(room, "family=queue_consumer_count&family=queue_metrics&family=queue_metrics")
    assert len(asked(room, "")) == 2, "only who we are"
    assert len(asked(room, "family=no_such_family")) == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_something(room: Room, family: str) -> None:
    said = asked(room, f"family={family}")
    names = {name.partition("{")[0] for name in said}

    assert len(said) > 2
    series = [metric for metric, _ in metrics_of(FAMILIES[family], "rabbitmq_detailed_")]
    assert {metric.name for metric in (*series, *FAMILIES[family].metrics)} <= names


@pytest.mark.parametrize(
    ("said", "name", "matches"),
    [
        ("jobs", "all-jobs-here", True),
        ("^jobs", "all-jobs", False),
        ("jobs$", "jobs.done", False),
        ("^jobs$", "jobs", True),
        ("^a.*z$", "a-to-z", True),
        ("^a.*b.*z$", "a-z", False),
        ("^aa.*aa$", "aaa", False),
        ("^a|^b", "banana", True),
        (r"^a\.b$", "a.b", True),
        (r"^a\.b$", "axb", False),
        (r"^a\$", "a$b", True),
        ("^a.b$", "axb", True),
        ("^.*$", "anything\nat all", True),
        ("", "anything", True),
    ],
)
def test_patterns_match_as_regular_expressions_do(said: str, name: str, matches: bool) -> None:
    assert pattern(said)(name) is matches
    assert (re.search(said, name, re.DOTALL) is not None) is matches


@pytest.mark.parametrize("said", ["(a+)+$", "a*", "[ab]", r"\w", "a{3}", "a?", r"a\1", "a.*?b"])
def test_a_pattern_that_could_take_long_is_refused(room: Room, said: str) -> None:
    """Anybody may ask, and everybody else would wait."""
    with pytest.raises(WrongQuery):
        pattern(said)
    request = Request("GET", "/metrics/detailed", f"queue={said.replace('+', '%2B')}")
    assert ObjectMetrics(room.site).detailed(request).status == 400


def test_few_may_ask_at_once(room: Room) -> None:
    page = ObjectMetrics(room.site)
    answers = [page.per_object(Request("GET", "/")) for _ in range(AT_ONCE_MAX)]
    begun: list[Iterator[bytes]] = []
    for answer in answers:
        assert answer.pieces is not None
        next(answer.pieces)
        begun.append(answer.pieces)

    assert whole(page.per_object(Request("GET", "/"))).status == 503

    answers.clear()
    begun.clear()  # they have hung up
    assert whole(page.per_object(Request("GET", "/"))).status == 200


def test_metrics_are_for_watchers_where_that_is_wanted(room: Room) -> None:
    """Prometheus logs in with each request."""
    wanted = True
    page = for_watchers(room.guard, lambda: wanted, lambda _: text("numbers"))
    room.put("/api/users/watcher", {"password": "secret", "tags": "monitoring"})
    room.put("/api/users/maker", {"password": "secret", "tags": "policymaker"})

    def status(**headers: str) -> int:
        shown = page(Request("GET", "/metrics", headers=headers, host="127.0.0.1"))
        answer = shown.response if isinstance(shown, Later) else shown
        assert answer is not None
        return answer.status

    assert status() == 401
    assert status(authorization=basic("watcher:wrong")) == 401
    assert status(authorization=basic("maker:secret")) == 401
    assert status(authorization=basic("watcher:secret")) == 200
    wanted = False
    assert status() == 200
