"""Who may use the sink: programs, and web pages only if their origin is allowed.

Any page in a browser can send requests to 127.0.0.1. Such a request carries headers that only
browsers send (`Origin`, `Sec-Fetch-Site`), and is refused unless its origin was allowed. In DNS
rebinding, the name of a page's site resolves to 127.0.0.1. The `Host` header shows that: IP
addresses and `localhost` cannot be rebound, other names have to be allowed.

An allowed page may only send events. It cannot query, delete or set faults, so that no script in
it can read the developer's data.
"""

import ipaddress
from collections.abc import Callable, Collection

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

INGESTION_PATHS = frozenset({"/v2.1/track", "/v2/track", "/v1/logs"})
ANY_ORIGIN = "*"
_MOST_LOGGED = 100  # reasons, each logged once
_OWN_SITES = frozenset(
    {"", "none", "same-origin"}
)  # Sec-Fetch-Site of requests that no other site made


class Guard:
    """ASGI middleware that answers 403 to web pages and to unknown host names.

    Args:
        app: The application behind it.
        hosts: Host names to accept, besides IP addresses and `localhost`.
        origins: Origins of pages that may send, such as `http://localhost:3000`; `*` for all.
        log: Called with each reason for a refusal, once.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        log: Callable[[str], None],
    ) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._log = log
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request: pass it on or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin", "")
        site = headers.get("sec-fetch-site", "").lower()
        if host and not self._is_own(host):
            await self._refuse(
                f"the name {_name(host)} is not this sink's; if it should be, start it with "
                f"--allow-host {_name(host)}",
                scope, receive, send,
            )  # fmt: skip
        elif origin and origin.lower() != f"{scope['scheme']}://{host.lower()}":
            if not self._may_send(origin, scope["path"]):
                await self._refuse(
                    f"the web page {origin} may not use {scope['path']}; to let its events in, "
                    f"start the sink with --allow-origin {origin}",
                    scope, receive, send,
                )  # fmt: skip
            elif scope["method"] == "OPTIONS":
                await _preflight(origin, headers)(scope, receive, send)
            else:
                await self._app(scope, receive, _with_cors(origin, send))
        elif not origin and site not in _OWN_SITES:
            await self._refuse(
                "a web page of another site may not use this sink", scope, receive, send
            )
        else:
            await self._app(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        name = _name(host)
        if name == "localhost" or name.endswith(".localhost") or name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _may_send(self, origin: str, path: str) -> bool:
        allowed = ANY_ORIGIN in self._origins or origin.lower() in self._origins
        return allowed and path in INGESTION_PATHS

    async def _refuse(self, reason: str, scope: Scope, receive: Receive, send: Send) -> None:
        if reason not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(reason)
            self._log(f"refused: {reason}")
        content = {"error": {"code": "ForbiddenError", "message": reason}}
        await Response(orjson.dumps(content), 403, media_type="application/json")(
            scope, receive, send
        )


def _name(host: str) -> str:
    """The name in a `Host` header, without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower().rstrip(".")


def _preflight(origin: str, headers: Headers) -> Response:
    """The answer to a CORS preflight request."""
    allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", ""),
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
    if headers.get("access-control-request-private-network"):
        allowed["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=allowed)


def _with_cors(origin: str, send: Send) -> Send:
    """A `send` that adds the CORS headers for a page of this origin."""

    async def with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Vary"] = "Origin"
        await send(message)

    return with_cors
