"""How to get in: TLS or not, which login. From flags, or from a property file as Kafka has it."""

import re
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anymq.cli.errors import CommandFailed

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PROTOCOLS = {
    "PLAINTEXT": (False, False),
    "SSL": (True, False),
    "SASL_PLAINTEXT": (False, True),
    "SASL_SSL": (True, True),
}
_JAAS = re.compile(r"""(username|password)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'([^']*)')""")
_NOT_PEM = "is not PEM, the only format read here: export it as PEM, and say so with {key}=PEM"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are."""

    mechanism: str
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom we trust, and what we show. Files in PEM; `authorities` and the rest may be text."""

    authorities_file: str | None = None
    authorities: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    key_password: str | None = field(default=None, repr=False)
    chain: str | None = None  # certificates and key, as text
    check_host: bool = True
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """Make what wraps a socket."""
        try:
            context = ssl.create_default_context(
                cafile=self.authorities_file, cadata=self.authorities
            )
            context.check_hostname = self.check_host and self.verify
            if not self.verify:
                context.verify_mode = ssl.CERT_NONE
            self._load_own(context)
        except (OSError, ValueError) as error:
            raise CommandFailed(f"TLS: {error}") from error
        return context

    def _load_own(self, context: ssl.SSLContext) -> None:
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file, self.key_password)
        elif self.chain:
            with tempfile.NamedTemporaryFile("w") as file:  # the ssl module reads files only
                file.write(self.chain)
                file.flush()
                context.load_cert_chain(file.name, password=self.key_password)


@dataclass(frozen=True, slots=True)
class Security:
    """Neither is needed where the broker asks for neither."""

    tls: Tls | None = None
    login: Login | None = None


def security_from(properties: Mapping[str, str]) -> Security:
    """Read security.protocol and what belongs to it; names of the Java client and librdkafka's."""
    protocol = properties.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in PROTOCOLS:
        raise CommandFailed(f"security.protocol is one of {', '.join(PROTOCOLS)}, not {protocol}")
    with_tls, with_login = PROTOCOLS[protocol]
    return Security(
        _tls_from(properties) if with_tls else None, _login_from(properties) if with_login else None
    )


def _login_from(properties: Mapping[str, str]) -> Login:
    mechanism = properties.get("sasl.mechanism") or properties.get("sasl.mechanisms") or "GSSAPI"
    if mechanism not in MECHANISMS:
        raise CommandFailed(f"sasl.mechanism is one of {', '.join(MECHANISMS)}, not {mechanism}")
    jaas = {
        name: re.sub(r"\\(.)", r"\1", quoted) or single
        for name, quoted, single in _JAAS.findall(properties.get("sasl.jaas.config", ""))
    }
    user = jaas.get("username") or properties.get("sasl.username")
    password = jaas.get("password") or properties.get("sasl.password")
    if user is None or password is None:
        raise CommandFailed('sasl.jaas.config has no username="…" and password="…"')
    return Login(mechanism, user, password)


def _tls_from(properties: Mapping[str, str]) -> Tls:
    get = properties.get
    chain, key = get("ssl.keystore.certificate.chain"), get("ssl.keystore.key")
    algorithm = get("ssl.endpoint.identification.algorithm", "https")
    return Tls(
        authorities_file=_pem(properties, "ssl.truststore") or get("ssl.ca.location"),
        authorities=get("ssl.truststore.certificates"),
        certificate_file=_pem(properties, "ssl.keystore") or get("ssl.certificate.location"),
        key_file=get("ssl.key.location"),
        key_password=get("ssl.key.password"),
        chain=f"{chain}\n{key}\n" if chain and key else None,
        check_host=algorithm not in ("", "none"),
        verify=get("enable.ssl.certificate.verification", "true").lower() != "false",
    )


def _pem(properties: Mapping[str, str], store: str) -> str | None:
    """Return the file of a store, when it is PEM."""
    location = properties.get(f"{store}.location")
    if location is None:
        return None
    kind = properties.get(f"{store}.type", "JKS").upper()
    if kind != "PEM" and Path(location).suffix.lower() not in (".pem", ".crt", ".cer"):
        raise CommandFailed(f"{location} {_NOT_PEM.format(key=f'{store}.type')}")
    return location
