"""The connection string: where events go. Checked by plain string operations, in every command.

The keys decide what is sent (case does not matter):

    InstrumentationKey=UUID;IngestionEndpoint=https://…    Azure Application Insights
    OtlpEndpoint=https://…;Header.NAME=VALUE               OTLP/HTTP, any number of headers
    Console=stderr                                         shown, not sent; for development

Other keys of an Azure connection string (`LiveEndpoint`, `ApplicationId`) are passed over.
"""

AZURE, ENDPOINT, OTLP, CONSOLE = (
    "instrumentationkey",
    "ingestionendpoint",
    "otlpendpoint",
    "console",
)
HEADER = "header."

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_KINDS = (
    "it needs InstrumentationKey=…;IngestionEndpoint=https://…, or OtlpEndpoint=https://…, "
    "or Console=stderr"
)
_ZEROS = "00000000-0000-0000-0000-000000000000"
_HEX = "0123456789abcdefABCDEF"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_NAME = _LETTERS + ".-_"
_PATH = _LETTERS + "/.-_~%!$&'()*+,=:@"
_TOKEN = _LETTERS + "!#$%&'*+-.^_`|~"  # RFC 9110, section 5.6.2
_MOST_PORT = 65_535
# What the exporter says itself, or what would change how the request is read.
_FIXED_HEADERS = (
    "accept", "accept-encoding", "connection", "content-encoding", "content-length",
    "content-type", "cookie", "expect", "host", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade", "user-agent",
)  # fmt: skip


def parts(connection_string: str) -> dict[str, str]:
    """The parts by their keys, in lower case; of a key given twice the last. Checks nothing."""
    found = {}
    for part in connection_string.split(";"):
        key, _, value = part.partition("=")
        if key.strip():
            found[key.strip().lower()] = value.strip()
    return found


def why_not(connection_string: str) -> str | None:
    """Why nothing can be sent to this; None if it can.

    The answer names the rule and no part of the string, which may hold a secret.
    """
    keys = [part.partition("=")[0].strip().lower() for part in connection_string.split(";")]
    keys = [key for key in keys if key]
    if len(set(keys)) != len(keys):
        return "it names a key twice"
    named = parts(connection_string)
    kinds = [kind for kind in (AZURE, OTLP, CONSOLE) if kind in named]
    if not kinds:
        return _KINDS
    if len(kinds) > 1:
        return f"it names more than one destination; {_KINDS}"
    if kinds == [CONSOLE]:
        return None if named == {CONSOLE: "stderr"} else "the only console is Console=stderr"
    if kinds == [OTLP]:
        return _why_no_url("OtlpEndpoint", named[OTLP]) or _why_no_headers(named)
    if not _is_uuid(named[AZURE]):
        return "the InstrumentationKey must be a UUID"
    if ENDPOINT not in named:
        return "it needs IngestionEndpoint=https://… beside the InstrumentationKey"
    return _why_no_url("IngestionEndpoint", named[ENDPOINT])


def shown(connection_string: str | None) -> str | None:
    """The part that may be shown to anybody: the endpoint, without the headers' secrets."""
    named = parts(connection_string or "")
    return named.get(ENDPOINT) or named.get(OTLP) or named.get(CONSOLE) or None


def why_no_upload(connection_string: str) -> str | None:
    """Why no background process can deliver there, though its form is right; None if one may."""
    if is_console(connection_string):
        return "it is shown where an upload is started by hand, and not sent"
    host = (shown(connection_string) or "").partition("://")[2].partition("/")[0]
    host = host.rpartition(":")[0] or host
    if f".{host.lower()}".rstrip(".").endswith(".invalid"):
        return f"there is no host {host}: the name is reserved (RFC 6761)"
    return None


def is_console(connection_string: str | None) -> bool:
    """Are events shown in this process, and not sent by a background process?"""
    return connection_string is not None and CONSOLE in parts(connection_string)


def _why_no_url(key: str, url: str) -> str | None:
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    authority, _, path = rest.partition("/")
    host, port = authority, None
    if authority.rfind(":") > authority.rfind("]"):
        host, _, port = authority.rpartition(":")
    if not separator or not host or any(character not in _PATH for character in path):
        return f"the {key} must be a plain URL: https://host[:port][/path], in ASCII"
    if "@" in authority:
        return f"the {key} must not hold a user name"
    if not _is_host(host):
        return f"the {key} must name a host in ASCII letters, digits, dots and hyphens"
    if port is not None and not (
        port.isascii() and port.isdecimal() and 0 < int(port[:6]) <= _MOST_PORT and len(port) < 6  # noqa: PLR2004  # digits of the greatest port
    ):
        return f"the {key} has no port from 1 to {_MOST_PORT} after its colon"
    if scheme != "https" and not (scheme == "http" and host.lower() in _LOOPBACK):
        return f"the {key} must be https (plain http goes to 127.0.0.1, localhost or [::1] only)"
    return None


def _is_host(host: str) -> bool:
    if host.startswith("["):
        inner = host[1:-1]
        return host.endswith("]") and ":" in inner and all(c in _HEX + ":." for c in inner)
    return (
        all(character in _NAME for character in host)
        and not host.startswith((".", "-"))
        and ".." not in host
        and len(host) <= 253  # noqa: PLR2004  # RFC 1035, section 2.3.4, without the last dot
    )


def _why_no_headers(named: dict[str, str]) -> str | None:
    for key, value in named.items():
        if not key.startswith(HEADER):
            if key != OTLP:
                return "beside OtlpEndpoint it takes Header.NAME=VALUE and nothing else"
            continue
        name = key[len(HEADER) :]
        if not name or any(character not in _TOKEN for character in name):
            return "a header's name is made of letters, digits and hyphens: Header.NAME=VALUE"
        if name in _FIXED_HEADERS:
            return f"the header {name} is the exporter's own"
        if not value or not (value.isascii() and value.isprintable()):
            return f"the header {name} needs a value of printable ASCII characters"
    return None


def _is_uuid(text: str) -> bool:
    return len(text) == len(_ZEROS) and all(
        character == "-" if mark == "-" else character in _HEX
        for character, mark in zip(text, _ZEROS, strict=True)
    )
