"""Certificates and users for the tests of TLS and SASL, and how each server is told of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

Protocol = Literal["SASL_PLAINTEXT", "SSL", "SASL_SSL"]


@dataclass(frozen=True, slots=True)
class User:
    """Who may come in."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Security:
    """One secured listener: its protocol, its users, its authority."""

    protocol: Protocol
    users: tuple[User, ...] = (User("alice", "alice-secret"), User("admin", "admin-secret"))

    @property
    def sasl(self) -> bool:
        """Whether clients must log in."""
        return self.protocol.startswith("SASL")

    @property
    def tls(self) -> bool:
        """Whether the bytes are encrypted."""
        return self.protocol.endswith("SSL")

    def write_certificates(self, folder: Path) -> None:
        """Files of a throw-away authority: `ca.pem` for clients, the others for the server."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        server = authority.issue_cert("localhost", "127.0.0.1")
        chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
        key = _pkcs8(server.private_key_pem.bytes())
        (folder / "server.crt").write_bytes(chain)
        (folder / "server.key").write_bytes(key)
        (folder / "server.pem").write_bytes(key + chain)

    def kafka_properties(self, folder: Path) -> dict[str, str]:
        """The lines for Apache Kafka's own file."""
        return {**self._kafka_sasl(), **(self._kafka_tls(folder) if self.tls else {})}

    def kafka_scram(self) -> list[str]:
        """What its storage tool adds while formatting."""
        if not self.sasl:
            return []
        return [
            f"SCRAM-SHA-{size}=[name={user.name},password={user.password}]"
            for size in (256, 512)
            for user in self.users
        ]

    def _kafka_sasl(self) -> dict[str, str]:
        if not self.sasl:
            return {}
        login = "org.apache.kafka.common.security"
        known = " ".join(f'user_{user.name}="{user.password}"' for user in self.users)
        me = 'username="admin" password="admin-secret"'
        scram = f"{login}.scram.ScramLoginModule required {me};"
        return {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.clients.plain.sasl.jaas.config": (
                f"{login}.plain.PlainLoginModule required {me} {known};"
            ),
            "listener.name.clients.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.clients.scram-sha-512.sasl.jaas.config": scram,
        }

    def _kafka_tls(self, folder: Path) -> dict[str, str]:
        self.write_certificates(folder)
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(folder / "server.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(folder / "ca.pem"),
        }


def _pkcs8(key: bytes) -> bytes:
    """Java reads a private key in this form only."""
    return load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
