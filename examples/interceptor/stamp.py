"""An interceptor: every message says who published it; what does not say what it is, is refused.

Install it where anymq is installed, name it in the settings, and start the broker:

    pip install examples/interceptor
    anymq serve --plugins-interceptors stamp
"""

from typing_extensions import override

from anymq.core.errors import PreconditionFailed
from anymq.core.interceptor import Interceptor, Publication, changed
from anymq.core.message import Message


class Stamp(Interceptor):
    """What is published to the exchange `events` has a type, and gets its publisher's name."""

    @override
    def publish(self, message: Message, publication: Publication) -> Message | None:
        if message.envelope.exchange != "events":
            return message
        said = message.read()
        if said.type is None:
            raise PreconditionFailed("an event needs a type")
        if said.type == "noise":
            return None
        return changed(message, headers={"x-published-by": publication.who.user})
