"""Transactions: half messages that wait for their senders' word; ended by force, if need be."""

from typing import Any

from anymq.core.rights.permit import QUEUE, READ, WRITE, Permit
from anymq.core.streams.stream_names import stream_of
from anymq.core.transactions.open import Open
from anymq.core.transactions.transactions import Transactions
from anymq.management.api import routes
from anymq.management.api.browse import count_of
from anymq.management.api.call import Call, Then, done, number_of, when_safe
from anymq.management.api.faults import bad_request, no_object
from anymq.management.http import Answer, json

ROUTES = routes.Routes()


@ROUTES.get("/transactions/:vhost")
def show_transactions(call: Call) -> Answer:
    """List the half messages for topics of a virtual host, oldest first (`count`, `after`)."""
    vhost, permit, query = call.vhost, call.permit, call.query
    group, topic = query.get("group"), query.get("topic")

    def wanted(one: Open) -> bool:
        return (
            group in (None, one.group)
            and topic in (None, one.topic)
            and _may(permit, vhost.name, one, READ)
        )

    count, transactions = count_of(query), _transactions(call)
    found = transactions.page(count, after=_after(query.get("after", "")), wanted=wanted)
    following = str(found[-1].position) if len(found) == count else None
    now_ms = call.broker.now_ms()
    rows = [_row(one, now_ms) for one in found]
    return json({"transactions": rows, "next": following, "total": len(transactions)})


def _after(said: str) -> int:
    number = number_of(said) if said else -1
    if number is None:
        raise bad_request("after is the id of a transaction")
    return number


def _row(one: Open, now_ms: int) -> dict[str, Any]:
    return {
        "id": str(one.position),
        "group": one.group,
        "topic": one.topic,
        "partition": one.partition,
        "transaction_id": one.transaction_id,
        "user": one.user,
        "bytes": one.size,
        "timestamp": one.since_ms,
        "age_ms": max(0, now_ms - one.since_ms),
        "checks": one.checks,
        "next_check": one.due_ms,
        "state": one.outcome.name.lower(),
    }


@ROUTES.post("/transactions/:vhost/:id/commit")
def commit_transaction(call: Call) -> Answer:
    """Have a half message be seen, whatever its sender would say."""
    return _end(call, commits=True)


@ROUTES.post("/transactions/:vhost/:id/rollback")
def roll_back_transaction(call: Call) -> Answer:
    """Forget a half message, whatever its sender would say."""
    return _end(call, commits=False)


def _end(call: Call, *, commits: bool) -> Answer:
    transactions, one = _transactions(call), _found(call)
    end = transactions.commit if commits else transactions.roll_back

    def begin(then: Then) -> None:
        end(one.position, then)

    return when_safe(begin, done)


def _found(call: Call) -> Open:
    """Return the one that is meant, which this caller may see and change."""
    vhost, position = call.vhost, number_of(call.names["id"])
    one = None if position is None else _transactions(call).find(position)
    if one is None or stream_of(one.topic)[0] != vhost.name:
        raise no_object()
    for right in (READ, WRITE):
        call.permit.check(right, QUEUE, stream_of(one.topic)[1])
    return one


def _may(permit: Permit, vhost_name: str, one: Open, right: str) -> bool:
    vhost, name = stream_of(one.topic)
    return vhost == vhost_name and permit.may(right, name, QUEUE)


def _transactions(call: Call) -> Transactions:
    found = call.site.transactions
    if found is None:
        raise no_object()
    return found
