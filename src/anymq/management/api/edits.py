"""Edits: what is to be different in messages that are sent again."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from anymq.core.browsing.targets import in_form, readdressed
from anymq.core.errors import Invalid, NotAllowed
from anymq.core.message import Form, Message
from anymq.core.queues.deadletters import Died, died
from anymq.core.rights.permit import Permit
from anymq.management.api.faults import bad_request
from anymq.management.api.messages import payload_of, properties_of
from anymq.management.api.rows import PROPERTIES
from anymq.management.api.values import from_json
from anymq.protocols.amqp.fields import MalformedFields
from anymq.protocols.amqp.properties import AMQP_FORM

PARTS = {"payload", "payload_encoding", "exchange", "routing_key", "properties", "headers"}
HISTORY = "x-death"

Edit = Callable[[Message], Message]


def edit_of(said: Mapping[str, Any], permit: Permit, message_bytes_max: int) -> Edit:
    """Understand what is to be different."""
    if said.keys() - PARTS:
        raise bad_request(f"an edit has {', '.join(sorted(PARTS))}")
    for name in ("exchange", "routing_key"):
        if not isinstance(said.get(name, ""), str):
            raise bad_request(["not_string", name])
    body = payload_of(said) if "payload" in said else None
    if body is not None and len(body) > message_bytes_max:
        raise bad_request("the message is too large")
    change = _change_of(said, permit)

    def edit(message: Message) -> Message:
        message = readdressed(message, said.get("exchange"), said.get("routing_key"))
        message = message if body is None else message._replace(body=body)
        return message if change is None else change(message)

    return edit


def _change_of(said: Mapping[str, Any], permit: Permit) -> Edit | None:
    """Return what changes properties and headers; None: nothing."""
    given, headers = _table(said, "properties"), _table(said, "headers")
    if not given and not headers:
        return None
    unknown = given.keys() - PROPERTIES
    if unknown:
        raise bad_request(f"there is no property {', '.join(sorted(unknown))}")
    user = given.get("user_id")
    if user is not None and user != permit.user and not permit.may_pose:
        raise NotAllowed(f"user_id is '{user}', but the user is '{permit.user}'")
    gone = {name: None for name, value in given.items() if value is None}
    changes = {**gone, **properties_of({k: v for k, v in given.items() if v is not None})}
    return partial(_changed, changes, from_json(headers))


def _changed(changes: Mapping[str, Any], headers: Mapping[str, Any], message: Message) -> Message:
    """Return it with these; as AMQP writes it, whoever wrote it before."""
    properties = replace(message.read(), **changes).with_headers(**headers)
    form: Form = AMQP_FORM
    if isinstance(message.envelope.form, Died) and HISTORY not in headers:
        form = died(form)  # what somebody says now would not be our history
    try:
        written = form.write(properties)
        form.traits(written)
    except (MalformedFields, ValueError) as error:
        raise Invalid(str(error)) from None
    return in_form(message, form)._replace(properties=written)


def _table(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name) or {}
    if not isinstance(value, dict):
        raise bad_request(["not_object", name])
    return value
