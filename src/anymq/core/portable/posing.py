"""Posing: in whose name are records written? The reserved header may hold AMQP's `user-id`.

Consumers trust that property, as AMQP checks it. A Kafka client writes records as it likes, so what
it claims is looked for before they are taken.
"""

from collections.abc import Iterator, Mapping

from anymq.core.message import Form
from anymq.core.portable.plain import RESERVED
from anymq.core.portable.reserved import Origin, read_origin
from anymq.storage.batch import BatchHeader
from anymq.storage.files import Buffer
from anymq.storage.records import body_of, slices, value_of


def claimed_users(batch: Buffer, header: BatchHeader, forms: Mapping[int, Form]) -> Iterator[str]:
    """Yield who is said to have written the records of a checked batch, where they say so."""
    body = body_of(batch, header)
    if RESERVED not in body:  # nearly always: nothing is unpacked then
        return
    for *_, value_start, end in slices(body, header):
        for name, value in value_of(body, value_start, end)[1]:
            origin = read_origin(value) if name == RESERVED and value is not None else None
            if origin is not None and (user := _user_in(origin, forms)) is not None:
                yield user


def _user_in(origin: Origin, forms: Mapping[int, Form]) -> str | None:
    form = forms.get(origin.form)
    if form is None:
        return None
    try:
        return form.read(origin.properties).user_id
    except ValueError:  # a reader may be less strict than we are
        return ""
