"""Who a client's certificate names: TLS has checked it, as Python's `getpeercert` describes it."""

from collections.abc import Mapping
from typing import Any


def certificate_name(certificate: Mapping[str, Any], where: str) -> str:
    """Return the user a certificate names, as Python's `getpeercert` describes it; empty: none.

    `where`: common_name, distinguished_name, or the first of subject_alternative_name.
    """
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    if where == "subject_alternative_name":
        return next((value for _, value in certificate.get("subjectAltName", ())), "")
    if where == "distinguished_name":
        return ",".join(f"{_SHORT.get(key, key)}={value}" for key, value in reversed(subject))
    return ",".join(value for key, value in subject if key == "commonName")


_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
}
