"""From an exchange to the queues: which ways messages go, and who hears of it."""

from collections import Counter

import pytest
from tests.unit.core.vhosts.conversations import (
    NOW_MS,
    bodies,
    message,
    publish,
    run_of,
    waiting,
)
from tests.unit.core.world import Told, World

from anymq.core.errors import NotAllowed, NotFound, PartlyRejected, PreconditionFailed, Rejected
from anymq.core.message import Message, Run
from anymq.core.routing.target import Then
from anymq.core.vhosts.vhost import VirtualHost
from anymq.protocols.amqp.fields import Float32, Int8, Int64, Timestamp


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def vhost(world: World) -> VirtualHost:
    vhost = world.broker.vhost("/")
    for name in ("a", "b", "c"):
        vhost.declare_queue(name)
    return vhost


def where(vhost: VirtualHost) -> str:
    """Return the names of the queues that have something, once for each message."""
    return "".join(name * queue.ready for name, queue in sorted(vhost.queues.items()))


# One way after another


def test_a_queue_gets_a_message_once_however_many_bindings_match(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "topic")
    for key in ("#", "a.*", "a.b"):
        vhost.bind("x", "a", key)
    vhost.bind("x", "b", "*.b")
    assert publish(vhost, "x", "a.b")
    assert where(vhost) == "ab"


def test_routes_follow_the_bindings(vhost: VirtualHost) -> None:
    """A route is looked up once; what changes it is noticed all the same."""
    run = run_of(message("amq.direct", "k"))
    assert not vhost.publish(run, None)
    vhost.bind("amq.direct", "a", "k")
    assert vhost.publish(run, None)
    vhost.bind("amq.direct", "b", "k")
    assert vhost.publish(run, None)
    vhost.unbind("amq.direct", "a", "k")
    assert vhost.publish(run, None)
    assert where(vhost) == "aabb"
    vhost.delete_queue("b")
    assert not vhost.publish(run, None)


def test_exchanges_lead_to_exchanges_and_circles_end(vhost: VirtualHost) -> None:
    for name in ("x", "y", "z"):
        vhost.declare_exchange(name, "fanout")
    for source, destination in (("x", "y"), ("y", "z"), ("z", "x"), ("x", "x")):
        vhost.bind(source, destination, to_exchange=True)
    vhost.bind("z", "a")
    vhost.bind("y", "b")
    assert publish(vhost, "x", "")
    assert where(vhost) == "ab"


def test_what_no_binding_wants_goes_to_the_alternate_exchange(vhost: VirtualHost) -> None:
    """And keeps the exchange and key that it was published with."""
    vhost.declare_exchange("x", "direct", arguments={"alternate-exchange": "rest"})
    assert not publish(vhost, "x", "k")  # there need not be one
    vhost.declare_exchange("rest", "fanout", internal=True)
    vhost.bind("rest", "a")
    vhost.bind("x", "b", "known")
    assert publish(vhost, "x", "k")
    assert publish(vhost, "x", "known")
    assert where(vhost) == "ab"
    (one,) = waiting(vhost, "a")
    assert (one.envelope.exchange, one.envelope.routing_key) == ("x", "k")


def test_where_clients_must_not_publish(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "direct", internal=True)
    with pytest.raises(NotAllowed) as refused:
        publish(vhost, "x", "k")
    assert str(refused.value) == "cannot publish to internal exchange 'x' in vhost '/'"
    with pytest.raises(NotFound, match=r"^no exchange 'y' in vhost '/'$"):
        publish(vhost, "y", "k")


# CC and BCC


def test_copies_go_by_their_own_keys_and_nobody_sees_the_blind_ones(vhost: VirtualHost) -> None:
    publish(vhost, "", "a", headers={"CC": ["b", 5], "BCC": ["c"], "n": Int8(1)})
    assert where(vhost) == "abc"
    for queue in "abc":
        (one,) = waiting(vhost, queue)
        assert one.read().headers == {"CC": ["b", 5], "n": 1}
        assert one.envelope.routing_key == "a"


def test_a_key_that_stands_twice_is_one(vhost: VirtualHost) -> None:
    publish(vhost, "", "a", headers={"CC": ["a", "a"]})
    assert where(vhost) == "a"


def test_copies_must_be_a_list(vhost: VirtualHost) -> None:
    """What came before in the same run is on its way."""
    run = run_of(message("", "a", b"fine"), message("", "a", headers={"CC": "b"}))
    with pytest.raises(PreconditionFailed) as refused:
        vhost.publish(run, Told())
    assert str(refused.value) == 'invalid message: {unacceptable_type_in_header,"CC",longstr}'
    assert bodies(vhost, "a") == [b"fine"]


# Headers


@pytest.mark.parametrize(
    ("arguments", "headers", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"x-match": "any", "a": 1, "b": 2}, {"a": 1}, True),
        ({"x-match": "any", "a": 1}, {"a": 2}, False),
        ({}, {}, True),
        ({"x-match": "any"}, {"a": 1}, False),
        ({"a": Int64(1)}, {"a": Int8(1)}, True),  # a number is a number in any width
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": 1.5}, {"a": Float32(1.5)}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": "true"}, {"a": True}, False),
        ({"a": "text"}, {"a": b"text"}, True),
        ({"a": Timestamp(5)}, {"a": Timestamp(5)}, True),
        ({"a": None}, {"a": "whatever"}, True),  # it must only be there
        ({"a": None}, {"b": None}, False),
        ({"a": {"b": [1, True]}}, {"a": {"b": [1, True]}}, True),
        ({"a": {"b": [1, True]}}, {"a": {"b": [1, 1]}}, False),
        ({"x-a": 1, "b": 2}, {"b": 2}, True),  # those that begin with x- do not count
        ({"x-match": "all-with-x", "x-a": 1}, {"x-a": 2}, False),
        ({"x-match": "all-with-x", "x-a": 1}, {"x-a": 1}, True),
        ({"x-match": "any-with-x", "x-a": 1, "b": 5}, {"x-a": 1}, True),
    ],
)
def test_headers_match_by_value_and_type(
    vhost: VirtualHost, arguments: dict[str, object], headers: dict[str, object], expected: bool
) -> None:
    vhost.bind("amq.headers", "a", "", arguments)
    assert publish(vhost, "amq.headers", "", headers=headers) is expected


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (
            "some",
            'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x',
        ),
        (5, "Invalid x-match field type signedint (value 5); expected longstr"),
    ],
)
def test_how_headers_cannot_match(vhost: VirtualHost, how: object, error: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        vhost.bind("amq.headers", "a", "", {"x-match": how})
    assert str(refused.value) == error


def test_messages_of_one_run_go_their_own_ways_in_their_order(vhost: VirtualHost) -> None:
    vhost.bind("amq.headers", "a", "", {"to": "a"})
    vhost.bind("amq.headers", "b", "", {"to": "b"})
    said = [("a", b"1"), ("a", b"2"), ("b", b"3"), ("nobody", b"4"), ("a", b"5")]
    run = run_of(*(message("amq.headers", "", body, headers={"to": to}) for to, body in said))
    returned: list[Message] = []
    told = Told()
    assert vhost.publish(run, told, returned=returned.append)
    assert bodies(vhost, "a") == [b"1", b"2", b"5"]
    assert bodies(vhost, "b") == [b"3"]
    assert [one.body for one in returned] == [b"4"]
    assert told.ok


# Hashes and chance


def test_a_consistent_hash_keeps_most_keys_where_they_are(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "x-consistent-hash")
    vhost.bind("x", "a", "2")
    vhost.bind("x", "b", "1")
    vhost.bind("x", "a", "9")  # it has its place already
    keys = [f"key-{number}" for number in range(600)]
    for key in keys:
        publish(vhost, "x", key, key.encode())
    before = {body: queue for queue in "ab" for body in bodies(vhost, queue)}
    assert 330 < Counter(before.values())["a"] < 470
    vhost.bind("x", "c", "1")
    for queue in "ab":
        vhost.queue(queue).purge()
    for key in keys:
        publish(vhost, "x", key, key.encode())
    after = {body: queue for queue in "abc" for body in bodies(vhost, queue)}
    assert {after[body] for body in after if after[body] != before[body]} == {"c"}
    assert 100 < Counter(after.values())["c"] < 210


def test_a_hash_of_what_the_message_says(vhost: VirtualHost) -> None:
    vhost.declare_exchange("h", "x-consistent-hash", arguments={"hash-header": "who"})
    vhost.declare_exchange("p", "x-consistent-hash", arguments={"hash-property": "message_id"})
    for exchange in "hp":
        for queue in "abc":
            vhost.bind(exchange, queue, "1")
    for number in range(50):
        publish(vhost, "h", str(number), headers={"who": "me"})
        publish(vhost, "p", str(number), message_id="me")
    assert {vhost.queue(name).ready for name in "abc"} <= {0, 50, 100}
    publish(vhost, "h", "", headers={})  # without it: somewhere


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("0", "The binding key must be greater than 0"),
        ("10001", "The binding key must not exceed 10000"),
        ("k", 'The binding key must be an integer: <<"k">>'),
    ],
)
def test_how_many_buckets_cannot_be(vhost: VirtualHost, key: str, error: str) -> None:
    vhost.declare_exchange("x", "x-consistent-hash")
    with pytest.raises(PreconditionFailed) as refused:
        vhost.bind("x", "a", key)
    assert str(refused.value) == error


def test_when_a_destination_leaves_the_hash_the_others_keep_their_keys(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "x-consistent-hash")
    for queue in "abc":
        vhost.bind("x", queue, "1")
    vhost.bind("x", "c", "5")
    vhost.unbind("x", "c", "1")
    for number in range(300):
        publish(vhost, "x", str(number))
    assert all(vhost.queue(name).ready > 20 for name in "abc")  # the other binding stands in
    vhost.delete_queue("c")
    assert publish(vhost, "x", "k")


def test_a_modulus_hash_and_chance_choose_one(vhost: VirtualHost) -> None:
    for name in ("x-modulus-hash", "x-random", "x-local-random"):
        vhost.declare_exchange(name, name)
        assert not publish(vhost, name, "")
        for queue in "abc":
            vhost.bind(name, queue, "")
        for number in range(100):
            assert publish(vhost, name, str(number))
        counts = [vhost.queue(queue).purge() for queue in "abc"]
        assert sum(counts) == 100
        assert min(counts) > 10


def test_what_a_local_random_exchange_does_not_take(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "x-local-random")
    vhost.declare_queue("q", durable=True, arguments={"x-queue-type": "quorum"})
    for queue, key, error in (
        ("a", "k", "Non empty binding 'k' key not permitted"),
        ("q", "", "Queue type rabbit_quorum_queue not valid for this exchange type"),
    ):
        with pytest.raises(PreconditionFailed) as refused:
            vhost.bind("x", queue, key)
        assert str(refused.value) == error


# History and delay


def test_who_comes_later_gets_the_last_messages(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "x-recent-history", arguments={"x-recent-history-length": 2})
    for number in range(3):
        publish(vhost, "x", "", str(number).encode())
    publish(vhost, "x", "", b"secret", headers={"x-recent-history-no-store": True})
    vhost.bind("x", "a")
    vhost.declare_exchange("y", "fanout")
    vhost.bind("y", "b")
    vhost.bind("x", "y", to_exchange=True)
    publish(vhost, "x", "", b"3")
    assert bodies(vhost, "a") == bodies(vhost, "b") == [b"1", b"2", b"3"]
    with pytest.raises(PreconditionFailed) as refused:
        vhost.declare_exchange("z", "x-recent-history", arguments={"x-recent-history-length": 0})
    assert str(refused.value) == (
        "Invalid argument 0, 'x-recent-history-length' must be a positive integer"
    )


def test_a_delayed_message_comes_when_it_is_due(world: World, vhost: VirtualHost) -> None:
    """On any exchange; its header is negative then, as the plugin has it."""
    vhost.declare_exchange("x", "x-delayed-message", arguments={"x-delayed-type": "topic"})
    vhost.bind("x", "a", "k.#")
    told = Told()
    assert publish(vhost, "x", "k.1", then=told, headers={"x-delay": Int64(5000)})
    assert publish(vhost, "", "b", headers={"x-deliver-at": Int64(NOW_MS + 3000)})
    assert publish(vhost, "", "c", headers={"x-deliver-at": Int64(NOW_MS - 1)})
    world.commit()
    assert told.ok
    assert where(vhost) == "c"
    for seconds, expected in ((2.9, "c"), (3.1, "bc"), (4.9, "bc"), (5.1, "abc")):
        world.clock.now_ms = NOW_MS + int(seconds * 1000)
        world.timers.run(world.clock.monotonic())
        world.broker.turn.run()
        assert where(vhost) == expected
    (one,) = waiting(vhost, "a")
    assert one.read().headers == {"x-delay": -5000}
    assert type(one.read().headers["x-delay"]) is Int64
    with pytest.raises(PreconditionFailed, match="must be an existing exchange type"):
        vhost.declare_exchange("y", "x-delayed-message")


@pytest.mark.parametrize(("delay", "after"), [("5000", "-5000"), (5000.0, -5000.0)])
def test_a_delay_may_be_written_out_or_be_no_whole_number(
    world: World, vhost: VirtualHost, delay: object, after: object
) -> None:
    """Where all headers are texts, and where a language has one type of number."""
    assert publish(vhost, "", "b", headers={"x-delay": delay})
    world.commit()
    world.clock.now_ms = NOW_MS + 5100
    world.timers.run(world.clock.monotonic())
    world.broker.turn.run()
    (one,) = waiting(vhost, "b")
    assert one.read().headers == {"x-delay": after}


def test_the_ttl_of_a_delayed_message_begins_when_it_is_due(
    world: World, vhost: VirtualHost
) -> None:
    """Else whoever delays for longer than the TTL never hears of it."""
    vhost.declare_queue("short", arguments={"x-message-ttl": 1000})
    publish(vhost, "", "short", headers={"x-delay": Int64(5000)})
    world.commit()
    for seconds, expected in ((5.5, [b"hello"]), (7, [])):
        world.clock.now_ms = NOW_MS + int(seconds * 1000)
        world.timers.run(world.clock.monotonic())
        world.broker.turn.run()
        assert bodies(vhost, "short") == expected


def test_a_delayed_exchange_may_choose_by_anything(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "x-delayed-message", arguments={"x-delayed-type": "headers"})
    vhost.bind("x", "a", "", {"n": 1})
    assert publish(vhost, "x", "", headers={"n": 1})
    assert not publish(vhost, "x", "", headers={"n": 2})


# Answers


class Slow:
    """A queue that says later what became of messages."""

    owner: object | None = None

    def __init__(self, name: str, *, singles: bool = False) -> None:
        self.name = name
        self.singles = singles
        self.runs: list[Run] = []
        self.thens: list[Then | None] = []

    def push(self, run: Run, then: Then | None) -> None:
        self.runs.append(run)
        self.thens.append(then)

    def answer(self, error: Exception | None = None) -> None:
        then = self.thens.pop(0)
        assert then is not None
        then(error)


def put(vhost: VirtualHost, *queues: Slow) -> None:
    for queue in queues:
        vhost.topology.put_queue(queue)  # type: ignore[arg-type]
        vhost.bind("amq.fanout", queue.name)


def test_a_run_is_safe_when_it_is_so_in_every_queue(vhost: VirtualHost) -> None:
    one, other = Slow("one"), Slow("other")
    put(vhost, one, other)
    told = Told()
    run = run_of(message("amq.fanout"), message("amq.fanout"))
    vhost.publish(run, told)
    assert one.runs == other.runs == [run]  # the very same: it is encoded once
    one.answer()
    assert told.waits
    other.answer()
    assert told.ok


def test_an_error_of_one_queue_is_an_error(vhost: VirtualHost) -> None:
    one, other = Slow("one"), Slow("other")
    put(vhost, one, other)
    told = Told()
    vhost.publish(run_of(message("amq.fanout")), told)
    error = Rejected("full")
    one.answer(error)
    other.answer()
    assert told.error is error


def test_a_queue_that_refuses_single_messages_gets_them_singly(vhost: VirtualHost) -> None:
    strict, other = Slow("strict", singles=True), Slow("other")
    put(vhost, strict, other)
    told = Told()
    vhost.publish(run_of(*(message("amq.fanout") for _ in range(3))), told)
    assert [len(run.messages) for run in strict.runs] == [1, 1, 1]
    assert [len(run.messages) for run in other.runs] == [3]
    other.answer()
    for error in (None, Rejected("full"), None):
        assert told.waits
        strict.answer(error)
    assert isinstance(told.error, PartlyRejected)
    assert told.error.indexes == {1}


def test_nobody_waits_for_what_went_nowhere(vhost: VirtualHost) -> None:
    told = Told()
    returned: list[Message] = []
    assert not vhost.publish(run_of(message("amq.fanout")), told, returned=returned.append)
    assert told.ok
    assert len(returned) == 1


# The broker publishes, too


def test_a_dead_letter_goes_where_it_is_wanted(world: World, vhost: VirtualHost) -> None:
    """A dead letter may go through an internal exchange, and not in circles."""
    vhost.declare_exchange("dead", "fanout", internal=True)
    vhost.bind("dead", "a")
    arguments = {"x-message-ttl": 10, "x-dead-letter-exchange": "dead"}
    vhost.declare_queue("short", arguments=arguments)
    vhost.bind("dead", "short")
    publish(vhost, "", "short")
    world.broker.turn.run()
    world.clock.now_ms += 11
    world.timers.run(world.clock.monotonic())
    world.broker.turn.run()
    assert where(vhost) == "a"
    (one,) = waiting(vhost, "a")
    assert one.envelope.exchange == "dead"
    assert one.read().headers["x-first-death-queue"] == "short"


# Delayed messages that are refused when they are due


def pass_ms(world: World, ms: int) -> None:
    for _ in range(ms // 100):
        world.clock.now_ms += 100
        world.timers.run(world.clock.monotonic())
        world.broker.turn.run()
        world.commit()


def full(vhost: VirtualHost, overflow: str = "reject-publish", **arguments: str) -> None:
    named = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
    vhost.declare_queue("q", arguments={"x-max-length": 1, "x-overflow": overflow, **named})
    publish(vhost, "", "q", b"first")


def test_a_delayed_message_waits_on_while_its_queue_is_full(
    world: World, vhost: VirtualHost
) -> None:
    """It was confirmed long ago; and it holds up nobody else."""
    full(vhost)
    vhost.declare_queue("other")
    publish(vhost, "", "q", b"late", headers={"x-delay": 1000})
    publish(vhost, "", "other", b"in time", headers={"x-delay": 1000})
    pass_ms(world, 5000)
    assert bodies(vhost, "other") == [b"in time"]
    assert bodies(vhost, "q") == [b"first"]
    vhost.queue("q").purge()
    pass_ms(world, 10_000)
    assert bodies(vhost, "q") == [b"late"]


def test_a_delayed_message_that_died_of_a_full_queue_dies_once(
    world: World, vhost: VirtualHost
) -> None:
    vhost.declare_queue("graves")
    full(vhost, "reject-publish-dlx", dead_letter_exchange="", dead_letter_routing_key="graves")
    publish(vhost, "", "q", b"late", headers={"x-delay": 1000})
    pass_ms(world, 20_000)
    assert bodies(vhost, "graves") == [b"late"]


def test_a_delayed_message_comes_once_where_it_was_taken(world: World, vhost: VirtualHost) -> None:
    full(vhost)
    vhost.declare_queue("other")
    vhost.declare_exchange("x", "fanout")
    for name in ("q", "other"):
        vhost.bind("x", name)
    publish(vhost, "x", "", b"late", headers={"x-delay": 1000})
    pass_ms(world, 20_000)
    assert bodies(vhost, "other") == [b"late"]
