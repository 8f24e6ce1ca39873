"""ACLs: rules that allow or deny one operation on what has a name, or a name that begins so.

They stand beside the patterns: what they allow comes on top, what they deny is denied whatever the
patterns say. So they can say what patterns cannot: no, one operation only, from one address only.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from anymq.core.catalog import Catalog, Then
from anymq.core.errors import Invalid
from anymq.core.rights import records as keys
from anymq.core.rights.operations import IMPLIED_BY, Kind, Operation
from anymq.core.rights.records import acl_key

ANY = "*"  # every user, every address; as a literal name: every name
ACLS_MAX = 50_000
NAME_BYTES_MAX = 1024
CLUSTER_NAME = "kafka-cluster"  # how Kafka's tools call the one there is

Changed = Callable[[str], None]


class AclRecord(msgspec.Struct, frozen=True):
    """A rule: whether somebody may do one thing to what has a name, or a name that begins so."""

    kind: Kind
    name: str
    prefixed: bool
    user: str
    host: str
    operation: Operation
    allow: bool


class Acls:
    """All rules. `changed` hears whose they are: a user's name, or `*`."""

    def __init__(self, catalog: Catalog, changed: Changed) -> None:
        self._catalog = catalog
        self._changed = changed
        self._all: dict[str, AclRecord] = {}  # by key
        self._by_name: dict[tuple[str, Kind, bool, str], dict[str, AclRecord]] = {}
        self._counts: dict[str, int] = {}  # of each user
        for key, value in catalog.values(f"{keys.ACLS}/"):
            self._on_acl(key, value)
        catalog.listen_to(keys.ACLS, self._on_acl)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[AclRecord]:
        return iter([self._all[key] for key in sorted(self._all)])

    def concern(self, user: str) -> bool:
        """Is there any rule about this user?"""
        return user in self._counts or ANY in self._counts

    def verdict(
        self, user: str, host: str, kind: Kind, name: str, operation: Operation
    ) -> bool | None:
        """Return what the rules say: a denial wins; None: nothing.

        Where the address is not known (empty) it is every one that is denied, and none allowed.
        """
        host = plain_host(host)
        allowing = (operation, Operation.ALL, *IMPLIED_BY.get(operation, ()))
        allowed = None
        for rule in self._about(user, kind, name):
            if rule.host not in (ANY, host) and (host or rule.allow):
                continue
            if not rule.allow and rule.operation in (operation, Operation.ALL):
                return False
            if rule.allow and rule.operation in allowing:
                allowed = True
        return allowed

    def allow_any(self, user: str, host: str, kind: Kind, operation: Operation) -> bool:
        """Is there anything of this kind to which the rules let him do this?"""
        if not self.concern(user):
            return False
        host = plain_host(host)
        return any(
            rule.allow
            and rule.kind is kind
            and rule.user in (ANY, user)
            and rule.host in (ANY, host)
            and rule.operation in (operation, Operation.ALL)
            for rule in self._all.values()
        )

    def add(self, rules: Iterable[AclRecord], then: Then) -> None:
        """Let these hold; those that do already are no error."""
        new = {_key(rule): rule for rule in rules}
        if len(self._all) + sum(key not in self._all for key in new) > ACLS_MAX:
            raise Invalid(f"there are {len(self._all)} ACLs, {ACLS_MAX} are allowed")
        for rule in new.values():
            _check(rule)
        self._catalog.change(new, then)

    def remove(self, rules: Iterable[AclRecord], then: Then) -> None:
        """Let these hold no more."""
        self._catalog.change(dict.fromkeys(map(_key, rules)), then)

    def keys_of(self, user: str) -> list[str]:
        """Return the keys of all rules about one user."""
        if user not in self._counts:
            return []
        return [key for key, rule in self._all.items() if rule.user == user]

    def _about(self, user: str, kind: Kind, name: str) -> Iterator[AclRecord]:
        """Yield the rules about a user and a name: as it is, as each of its beginnings, as `*`."""
        for who in (user, ANY):
            if who not in self._counts:
                continue
            for literal in (name, ANY):
                yield from self._by_name.get((who, kind, False, literal), {}).values()
            for end in range(1, len(name) + 1):
                yield from self._by_name.get((who, kind, True, name[:end]), {}).values()

    def _on_acl(self, key: str, value: bytes | None) -> None:
        before = self._all.pop(key, None)
        if before is not None:
            self._take_out(key, before)
        if value is not None:
            rule = self._all[key] = _ACL.decode(value)
            self._by_name.setdefault(_place(rule), {})[key] = rule
            self._counts[rule.user] = self._counts.get(rule.user, 0) + 1
        for user in {rule.user for rule in (before, self._all.get(key)) if rule is not None}:
            self._changed(user)

    def _take_out(self, key: str, rule: AclRecord) -> None:
        rules = self._by_name[_place(rule)]
        del rules[key]
        if not rules:
            del self._by_name[_place(rule)]
        self._counts[rule.user] -= 1
        if not self._counts[rule.user]:
            del self._counts[rule.user]


def plain_host(host: str) -> str:
    """Return an address as rules name it: IPv4 stays that, by whatever socket it comes."""
    return host.removeprefix("::ffff:") if "." in host else host


_ACL = msgspec.json.Decoder(AclRecord)


def _key(rule: AclRecord) -> str:
    how = "prefixed" if rule.prefixed else "literal"
    what = "allow" if rule.allow else "deny"
    return acl_key(rule.kind, how, rule.name, rule.user, rule.host, rule.operation, what)


def _place(rule: AclRecord) -> tuple[str, Kind, bool, str]:
    return rule.user, rule.kind, rule.prefixed, rule.name


def _check(rule: AclRecord) -> None:
    for what, text in (("name", rule.name), ("user", rule.user), ("host", rule.host)):
        if not text:
            raise Invalid(f"an ACL without a {what}")
        if len(text.encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX:
            raise Invalid(f"the {what} of an ACL has no more than {NAME_BYTES_MAX} bytes")
    if rule.kind is Kind.CLUSTER and (rule.prefixed or rule.name != CLUSTER_NAME):
        raise Invalid(f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}")
