"""An index of packages and a file server on the loopback, for `make test-install`."""

import functools
import os
import re
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""

    def end_headers(self) -> None:
        """Let nobody keep what was answered: the next test publishes something newer."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


class Files:
    """A web server for the folder `root`, from entry to exit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        handler = functools.partial(_Quiet, directory=str(root))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def publish(root: Path, package: Path) -> None:
    """Put a wheel into the index at `root` (PEP 503)."""
    name = re.sub(r"[-_.]+", "-", package.name.split("-")[0]).lower()
    folder = root / "simple" / name
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / package.name).exists():
        try:
            os.link(package, folder / package.name)
        except OSError:  # another file system
            shutil.copy(package, folder / package.name)
    links = [f'<a href="{one.name}">{one.name}</a><br>' for one in sorted(folder.glob("*.whl"))]
    (folder / "index.html").write_text("<!DOCTYPE html>\n" + "\n".join(links) + "\n")
