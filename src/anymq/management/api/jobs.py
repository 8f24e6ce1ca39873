"""Jobs: search messages, delete, requeue, move, copy and replay them; a little at a time."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from anymq.config.units import KIB
from anymq.core.browsing.filters import Filter
from anymq.core.browsing.job import TRUNCATE, Job, Results, State
from anymq.core.browsing.places import position_of, text_of
from anymq.core.browsing.sending import Deleting, Sending
from anymq.core.browsing.source import Source
from anymq.core.browsing.targets import Places, Target, ToExchange, ToOrigin, ToQueue
from anymq.core.errors import Conflict, Unsupported
from anymq.core.rights.permit import READ, Permit
from anymq.core.streams import stream_names
from anymq.management.api import routes
from anymq.management.api.browse import Shown, source_of_queue, source_of_topic
from anymq.management.api.call import Call, done
from anymq.management.api.edits import edit_of
from anymq.management.api.faults import Fault, bad_request, no_object
from anymq.management.http import Answer, encode, json

ROUTES = routes.Routes()

SEARCH, DELETE, PURGE, COPY = "search", "delete", "purge", "copy"
SENDING = ("requeue", "move", COPY, "replay")
ACTIONS = (SEARCH, DELETE, PURGE, *SENDING)
RESULTS, RESULTS_MAX = 100, 1000
POSITIONS_MAX = 10_000
SAID_BYTES_MAX = 256 * KIB  # of what is asked for, besides a payload: it is kept, and shown
SHOWN_MAX = 1000  # of the payload of an edit
HIDDEN = ("encoding",)
WITHHELD = (*HIDDEN, "filter", "edit")  # from others: it may say what is in messages
SAID = ("action", "source", "target", "filter", "positions", "limit", "to", "edit", "encoding")


@ROUTES.get("/jobs")
def show_jobs(call: Call) -> Answer:
    """List the jobs that run or ended lately, without what they found."""
    jobs = [job for job in call.broker.jobs if _may_see(call, job)]
    return call.listed(jobs, partial(_row, call), lambda job: job.id)


@ROUTES.post("/jobs")
def begin(call: Call) -> Answer:
    """Search messages, or do something with them: `action`, `source`, `filter` or `positions`."""
    job = _job(call)
    try:
        job_id = call.broker.jobs.begin(job)
    except Conflict as error:
        raise Fault(HTTPStatus.TOO_MANY_REQUESTS, "too_many_jobs", str(error)) from None
    return json({"id": job_id}, HTTPStatus.CREATED)


@ROUTES.get("/jobs/:id")
def show_job(call: Call) -> Answer:
    """Show how far a job is, and what a search has found."""
    job = _found(call)
    rows: list[Any] = []
    if job.results is not None and _is_his(call, job) and job.permitted:
        shown = Shown(None, job.about.get("encoding", "auto"))
        found, source = job.results.found, job.source
        rows = [shown.row(seen, source, size) for seen, size in found]
    following = None if job.next is None or job.running else text_of(job.next)
    return call.shown({**_row(call, job), "results": rows, "next": following})


@ROUTES.delete("/jobs/:id")
def cancel(call: Call) -> Answer:
    """Cancel a job that runs; forget one that has ended."""
    job = _found(call)
    if not _is_his(call, job) and not call.caller.may_use(routes.ADMINISTRATOR):
        raise no_object()
    call.broker.jobs.cancel(job)
    return done()


def _may_see(call: Call, job: Job) -> bool:
    return _is_his(call, job) or call.caller.may_use(routes.MONITORING)


def _is_his(call: Call, job: Job) -> bool:
    """Is it the caller's own? Only then he sees what is in messages, found or said."""
    return job.user == call.caller.name


def _found(call: Call) -> Job:
    job = call.broker.jobs.get(call.names["id"])
    if job is None or not _may_see(call, job):
        raise no_object()
    return job


def _row(call: Call, job: Job) -> dict[str, Any]:
    tally, hidden = job.tally, HIDDEN if _is_his(call, job) else WITHHELD
    return {
        "id": job.id,
        **{name: one for name, one in job.about.items() if name not in hidden},
        "user": job.user,
        "state": job.state.value,
        "error": job.error or tally.error,
        "examined": job.examined,
        "total": job.total,
        "found": job.found,
        "done": tally.done,
        "failed": tally.failed,
        "skipped": tally.skipped,
        "started": job.started_ms,
        "ended": job.ended_ms,
        "complete": job.complete and job.state is State.DONE,
    }


# What is asked for


def _job(call: Call) -> Job:
    call.need("action", "source")
    edit = {name: one for name, one in call.table("edit").items() if name != "payload"}
    if len(encode({**call.body, "edit": edit})) > SAID_BYTES_MAX:
        raise bad_request(f"a job is described in at most {SAID_BYTES_MAX} bytes")
    action = call.text("action")
    if action not in ACTIONS:
        raise bad_request(f"action is one of {', '.join(ACTIONS)}")
    source, permit, name = _source(call)
    if not source.consumed and action not in (SEARCH, COPY, "replay"):
        raise Unsupported(f"{action} is not for streams: what is in them goes by retention")
    positions = _positions(call)
    said = call.table("filter")
    if said and (positions or action == PURGE):
        raise bad_request("positions or a filter; and neither with purge")
    start = call.body.get("from_position")
    job = Job(
        source,
        user=call.caller.name,
        about=_about(call.body),
        check=partial(permit.queue, READ, name),
        wanted=Filter(said) if said else None,
        positions=positions,
        limit=_limit(call),
        start=None if start is None else position_of(start),
        now_ms=call.broker.now_ms(),
    )
    _give_deed(call, job, action, permit, name)
    return job


def _about(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is remembered of what was asked for; it may hold a whole message."""
    about = {name: said[name] for name in SAID if name in said}
    edit = about.get("edit")
    if isinstance(edit, dict) and isinstance(edit.get("payload"), str):
        about["edit"] = {**edit, "payload": edit["payload"][:SHOWN_MAX]}
    return about


def _give_deed(call: Call, job: Job, action: str, permit: Permit, name: str) -> None:
    """Say what is to be done with the messages."""
    source = job.source
    if action == SEARCH:
        shown = Shown.of(call.body, TRUNCATE)
        count = min(_limit(call) or RESULTS, RESULTS_MAX)
        job.results = Results(source, count, TRUNCATE if shown.truncate is None else shown.truncate)
    elif action in SENDING:
        target, permit = _target(call, action, permit, name)
        edit = call.table("edit")
        job.deed = Sending(
            source,
            job.tally,
            target,
            edit=edit_of(edit, permit, call.site.amqp.settings.message_bytes_max) if edit else None,
            keep=action == COPY,
            changed=partial(call.broker.jobs.changed, job),
        )
    else:
        job.deed = Deleting(source, job.tally)


def _source(call: Call) -> tuple[Source, Permit, str]:
    """Return what is looked at, and by what right: that to read this queue."""
    said = call.table("source")
    if "topic" in said:
        topic, partition = _text(said, "topic"), said.get("partition")
        if partition is not None and (not isinstance(partition, int) or partition < 0):
            raise bad_request("partition is a number")
        vhost, name = stream_names.stream_of(topic)
        return source_of_topic(call, topic, partition), call.caller.permit(vhost), name
    vhost, name = _text(said, "vhost", "/"), _text(said, "queue")
    return source_of_queue(call, vhost, name), call.caller.permit(vhost), name


def _target(call: Call, action: str, permit: Permit, name: str) -> tuple[Target, Permit]:
    """Return where messages go."""
    said = call.table("target")
    places = _places(call, _text(said, "vhost", permit.vhost))
    if action == "requeue":
        return ToQueue(_places(call, permit.vhost)[0], name), permit
    if action == "replay":
        to = call.text("to", "queue")
        if said or to not in ("queue", "exchange"):
            raise bad_request("replay has no target; to is queue or exchange")
        return ToOrigin(places[0], to_exchange=to == "exchange"), permit
    if "queue" in said:
        return ToQueue(places[0], _text(said, "queue")), places[1]
    if "exchange" not in said:
        raise bad_request("target is a queue or an exchange")
    key = _text(said, "routing_key") if "routing_key" in said else None
    return ToExchange(places[0], _text(said, "exchange"), key), places[1]


def _places(call: Call, vhost: str) -> tuple[Places, Permit]:
    call.vhost_named(vhost)
    permit = call.caller.permit(vhost)
    return Places(call.broker.vhosts, permit, call.broker.now_ms), permit


def _positions(call: Call) -> list[int]:
    said = call.body.get("positions")
    if said is None:
        return []
    if not isinstance(said, list) or not 0 < len(said) <= POSITIONS_MAX:
        raise bad_request(f"positions is a list of at most {POSITIONS_MAX}")
    return [position_of(one) for one in said]


def _limit(call: Call) -> int | None:
    limit = call.body.get("limit")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise bad_request("limit is a number above 0")
    return limit


def _text(said: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = said.get(name, default)
    if not isinstance(value, str):
        raise bad_request(["not_string", name])
    return value
