"""Which proxy to use for a host, by the person's own settings.

As other programs do it: `HTTPS_PROXY` or `ALL_PROXY`, in small letters first, unless `NO_PROXY`
names the host; where no variable is set, what the system says (macOS, Windows). A loopback address
is never reached by a proxy.
"""

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


class ProxyError(ValueError):
    """The setting cannot be used. To bypass the proxy would be against the person's will."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that is asked to CONNECT, and the headers it is asked with."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)


def proxy_for(host: str, port: int, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy to go by to `host`; None to go directly.

    Args:
        host: a name or an address, IPv6 without brackets.
        port: the port there.
        environment: the variables; None for those of the process, and the system's settings where
            no variable names a proxy.

    Raises:
        ProxyError: a proxy is set that is not an HTTP proxy.
    """
    if is_loopback(host):
        return None
    variables = os.environ if environment is None else environment
    url = _variable(variables, "HTTPS_PROXY") or _variable(variables, "ALL_PROXY")
    if url:
        named = _is_named(host, port, _variable(variables, "NO_PROXY"))
        return None if named else _proxy(url)
    if environment is not None:
        return None
    import urllib.request  # 5 ms; beyond the variables it knows the settings of macOS and Windows

    url = urllib.request.getproxies().get("https", "")
    return _proxy(url) if url and not urllib.request.proxy_bypass(host) else None


def is_loopback(host: str) -> bool:
    """Is it this machine itself?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _variable(variables: Mapping[str, str], name: str) -> str:
    """A variable's value; its name in small letters goes before the one in capitals."""
    return variables.get(name.lower()) or variables.get(name, "")


def _is_named(host: str, port: int, no_proxy: str) -> bool:
    """Does NO_PROXY name the host: by `*`, its name, its domain, its address or its network?"""
    host = host.lower().rstrip(".")
    for entry in no_proxy.lower().split(","):
        name = entry.strip().removesuffix(f":{port}").lstrip(".")
        if name == "*" or (name and f".{host}".endswith(f".{name}")) or _is_in(host, name):
            return True
    return False


def _is_in(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _proxy(text: str) -> Proxy:
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        host, port = url.hostname, url.port or 80
    except ValueError:
        raise ProxyError("the proxy's address is no URL") from None
    if url.scheme != "http" or not host:
        raise ProxyError("the proxy is no HTTP proxy (http://host:port)")
    if url.username is None:
        return Proxy(host, port)
    words = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
    token = base64.b64encode(words).decode()
    return Proxy(host, port, {"Proxy-Authorization": f"Basic {token}"})
