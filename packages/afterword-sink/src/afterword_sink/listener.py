"""Where the sink listens: address, URL, and certificate for TLS."""

import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass, field

CA_FILE = "ca.pem"
_SERVER_FILE = "server.pem"


class PortTakenError(Exception):
    """Something else listens on that port, or the address is not this machine's."""


class MissingTlsError(Exception):
    """The package that creates certificates is not installed."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen on.

    Attributes:
        host: An IP address of this machine.
        port: The port; 0 for any that is free.
        tls: A folder with the certificate, which is created if missing; None for plain HTTP.
        names: Names in the certificate, besides `localhost` and loopback addresses.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: str | None = None
    names: list[str] = field(default_factory=list)

    @property
    def is_loopback(self) -> bool:
        """Whether it can be reached from this machine only."""
        return ipaddress.ip_address(self.host).is_loopback

    def url(self, port: int) -> str:
        """Its URL, on the port that it got. A wildcard address is shown as loopback."""
        address = ipaddress.ip_address(self.host)
        if address.is_unspecified:
            address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # noqa: PLR2004  # of IP
        name = f"[{address}]" if ":" in str(address) else str(address)
        return f"{'https' if self.tls else 'http'}://{name}:{port}/"

    def open(self, port: int) -> socket.socket:
        """Open a socket that listens there.

        Raises:
            PortTakenError: It cannot.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # With its protocol named, asyncio turns Nagle's algorithm off on what is accepted from it.
        # Without, a reply in two writes waits 40 ms for the client's delayed acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":  # a restart on the same port; Windows means something else by it
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, port))
            listener.listen(1024)
        except OSError as error:
            listener.close()
            raise PortTakenError(
                f"cannot listen on {self.host}:{port}: {error.strerror}"
            ) from error
        return listener

    def context(self) -> ssl.SSLContext | None:
        """The TLS context; creates the certificate if it is missing.

        The key of its CA is not kept, so that nobody can issue another certificate with it.

        Raises:
            MissingTlsError: The package that creates certificates is not installed.
            OSError: The folder cannot be used.
        """
        if self.tls is None:
            return None
        os.makedirs(self.tls, mode=0o700, exist_ok=True)
        chain = os.path.join(self.tls, _SERVER_FILE)
        if not os.path.exists(chain):
            _make(self.tls, chain, ["localhost", "127.0.0.1", "::1", self.host, *self.names])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context


def _make(folder: str, chain: str, names: list[str]) -> None:
    try:
        import trustme
    except ModuleNotFoundError as error:
        raise MissingTlsError(
            "--tls needs the package trustme: pip install 'afterword-sink[tls]'"
        ) from error
    authority = trustme.CA()
    certificate = authority.issue_cert(*dict.fromkeys(names))
    authority.cert_pem.write_to_path(os.path.join(folder, CA_FILE))
    descriptor = os.open(chain, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(certificate.private_key_and_cert_chain_pem.bytes())
