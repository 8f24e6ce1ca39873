"""How the durable part of virtual hosts is written among the definitions, and read back.

Keys are paths of percent-quoted names; what a binding says beyond its ends is also in its record.
"""

from collections.abc import Mapping
from hashlib import blake2b
from urllib.parse import quote, unquote

from anymq.core.message import Form, Properties, Value
from anymq.core.routing.exchange import Binding, Declaration
from anymq.core.routing.records import BindingRecord, ExchangeRecord, QueueRecord, Said
from anymq.core.vhosts.kinds import QueueDeclaration


def vhost_key(vhost: str) -> str:
    """Return the key of a virtual host."""
    return f"vhosts/{_quoted(vhost)}"


def exchange_key(vhost: str, name: str) -> str:
    """Return the key of an exchange."""
    return f"exchanges/{_quoted(vhost)}/{_quoted(name)}"


def queue_key(vhost: str, name: str) -> str:
    """Return the key of a queue."""
    return f"queues/{_quoted(vhost)}/{_quoted(name)}"


def binding_key(binding: Binding) -> str:
    """Return the key of a binding."""
    source, kind, destination, key, said = binding.id
    digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    vhost = binding.source.declaration.vhost_name
    names = (vhost, source, kind, destination, key, digest if said else "")
    return "bindings/" + "/".join(map(_quoted, names))


def names_of(key: str) -> list[str]:
    """Return the names in a key, without its kind."""
    return [unquote(part) for part in key.split("/")[1:]]


def _quoted(name: str) -> str:
    return quote(name, safe="")


class Forms:
    """Writes arguments by a form that can say them exactly, and reads what any form wrote."""

    def __init__(self, forms: Mapping[int, Form]) -> None:
        self._forms = forms

    def write(self, arguments: Mapping[str, Value]) -> Said | None:
        """Return arguments as they are kept."""
        if not arguments:
            return None
        form = self._forms[min(self._forms)]
        return Said(form.number, form.write(Properties(headers=arguments)))

    def read(self, said: Said | None) -> Mapping[str, Value]:
        """Return arguments that were kept; none where a newer version wrote a form of its own."""
        if said is None or said.form not in self._forms:
            return {}
        return self._forms[said.form].read(said.content).headers


class Definitions:
    """Records of exchanges, queues and bindings, and what they say."""

    def __init__(self, forms: Mapping[int, Form]) -> None:
        self._forms = Forms(forms)

    def of_exchange(self, declaration: Declaration) -> ExchangeRecord:
        """Return what is kept of an exchange."""
        return ExchangeRecord(
            declaration.type,
            auto_delete=declaration.auto_delete,
            internal=declaration.internal,
            arguments=self._forms.write(declaration.arguments),
        )

    def exchange(self, key: str, record: ExchangeRecord) -> Declaration:
        """Return how an exchange was declared."""
        vhost, name = names_of(key)
        return Declaration(
            name=name,
            vhost_name=vhost,
            type=record.type,
            durable=True,
            auto_delete=record.auto_delete,
            internal=record.internal,
            arguments=self._forms.read(record.arguments),
        )

    def of_queue(
        self, declaration: QueueDeclaration, kind: str, logs: Mapping[int, int]
    ) -> QueueRecord:
        """Return what is kept of a queue. `logs` by line."""
        return QueueRecord(
            kind,
            dict(logs),
            auto_delete=declaration.auto_delete,
            arguments=self._forms.write(declaration.arguments),
        )

    def queue(self, key: str, record: QueueRecord) -> QueueDeclaration:
        """Return how a queue was declared."""
        vhost, name = names_of(key)
        return QueueDeclaration(
            name=name,
            vhost_name=vhost,
            durable=True,
            auto_delete=record.auto_delete,
            arguments=self._forms.read(record.arguments),
        )

    def of_binding(self, binding: Binding, made: int) -> BindingRecord:
        """Return what is kept of a binding; `made` is its place in the order of all."""
        return BindingRecord(
            binding.source.name,
            binding.destination.name,
            made,
            to_exchange=binding.kind == "exchange",
            key=binding.key,
            arguments=self._forms.write(binding.arguments),
        )

    def arguments(self, record: BindingRecord) -> Mapping[str, Value]:
        """Return a binding's arguments."""
        return self._forms.read(record.arguments)
