"""Who may talk to the sink: programs of this machine, and web pages only where they are allowed.

A browser sends a page's requests to 127.0.0.1 as well as a program's. So a page is told from a
program by what only browsers send (`Origin`, `Sec-Fetch-Site`), and refused unless its origin was
named. DNS rebinding, a page's own name that suddenly means 127.0.0.1, is told by the `Host` header:
an IP address and `localhost` cannot be rebound, any other name has to be named.

An allowed page may send events. It can neither ask, nor delete, nor set faults: the events of a
developer are nothing for the scripts in a page.
"""

import ipaddress
from collections.abc import Callable, Collection

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

INGESTION_PATHS = frozenset({"/v2.1/track", "/v2/track", "/v1/logs"})
ANY_ORIGIN = "*"
_MOST_TOLD = 100  # reasons that are told on the terminal, each once
_OWN_SITES = frozenset({"", "none", "same-origin"})  # Sec-Fetch-Site of what no other page asks


class Guard:
    """ASGI middleware that refuses with 403 what comes from a page or under a foreign name.

    Args:
        app: What stands behind it.
        hosts: Names that the sink is called by, besides IP addresses and `localhost`.
        origins: Origins (`http://localhost:3000`) of pages that may send; `*` for all.
        tell: Told in words what is refused, once.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] = (),
        origins: Collection[str] = (),
        tell: Callable[[str], None],
    ) -> None:
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._tell = tell
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
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
        if reason not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(reason)
            self._tell(f"refused: {reason}")
        content = {"error": {"code": "ForbiddenError", "message": reason}}
        await Response(orjson.dumps(content), 403, media_type="application/json")(
            scope, receive, send
        )


def _name(host: str) -> str:
    """The name in a `Host` header, without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower().rstrip(".")


def _preflight(origin: str, headers: Headers) -> Response:
    """The answer to a browser's question whether a page may send."""
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
    """A `send` that lets the page at `origin` read the answer."""

    async def with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Vary"] = "Origin"
        await send(message)

    return with_cors
