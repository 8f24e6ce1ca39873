"""Who changed what."""

from typing import Any

import msgspec

from anymq.management.api import routes
from anymq.management.api.call import Call
from anymq.management.http import Answer
from anymq.observability.audit import Entry

ROUTES = routes.Routes()
FILTERS = ("user", "address", "protocol", "action", "kind")


@ROUTES.get("/audit", routes.ADMINISTRATOR)
def audit(call: Call) -> Answer:
    """Who changed what, and from where, the newest first; only what `user`, `kind`, … say."""
    wanted = {key: call.query[key] for key in FILTERS if key in call.query}
    found = [
        entry
        for entry in reversed(call.site.guard.audit.entries)
        if all(getattr(entry, key) == value for key, value in wanted.items())
    ]
    return call.listed(found, _row, lambda entry: entry.name)


def _row(entry: Entry) -> dict[str, Any]:
    return {key: getattr(entry, key) for key in _KEYS}


_KEYS = tuple(field.name for field in msgspec.structs.fields(Entry))
