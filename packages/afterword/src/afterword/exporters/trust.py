"""Whom TLS trusts, as the person has set it up."""

import os
import ssl
from collections.abc import Mapping

# Where systems keep their authorities: for an interpreter built elsewhere (frozen, python.org's on
# macOS), whose own default path does not exist here.
_AUTHORITIES = (
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)


class TrustError(ValueError):
    """The setting cannot be used. Trusting others instead would be against the person's word."""


def trusting(environment: Mapping[str, str] | None = None) -> ssl.SSLContext:
    """TLS as the person has set it up: whom to trust.

    `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`, a file or a folder, goes before the system's
    authorities; `SSL_CERT_FILE` and `SSL_CERT_DIR` replace their places, as OpenSSL reads them.

    Raises:
        TrustError: the bundle cannot be read.
    """
    variables = os.environ if environment is None else environment
    bundle = variables.get("REQUESTS_CA_BUNDLE") or variables.get("CURL_CA_BUNDLE")
    if bundle:
        folder = os.path.isdir(bundle)
        try:
            return ssl.create_default_context(
                cafile=None if folder else bundle, capath=bundle if folder else None
            )
        except OSError:
            why = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names no certificates that can be read"
            raise TrustError(why) from None
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    placed = any(variables.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if not (placed or paths.cafile or paths.capath or context.cert_store_stats()["x509_ca"]):
        there = next(filter(os.path.isfile, _AUTHORITIES), None)
        if there is not None:
            context.load_verify_locations(there)
    return context
