"""Start a process that outlives this one, holds nothing of it and is never waited for."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

if sys.platform == "win32":
    from afterword.spawn.windows import spawn_detached
else:
    from afterword.spawn.posix import spawn_detached

__all__ = ["reduced_environment", "spawn_detached"]

# What a network client needs to start and to reach the net, and nothing that is a secret of other
# programs: agents hand their hooks every API key of their user. A proxy's own password is part of
# its address and has to come along.
_NEEDED = frozenset((
    # to find itself and its owner's files
    "PATH", "HOME", "XDG_DATA_HOME", "XDG_CONFIG_DIRS", "TMPDIR", "TEMP", "TMP",
    "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX",
    # Windows cannot open a socket without SYSTEMROOT
    "SYSTEMROOT", "WINDIR", "SYSTEMDRIVE", "LOCALAPPDATA", "APPDATA", "PROGRAMDATA", "USERPROFILE",
    # the way out: proxies and certificates
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    # the person's no, in force for the upload as well
    "DO_NOT_TRACK",
))  # fmt: skip


def reduced_environment(environment: "Mapping[str, str]", prefix: str) -> dict[str, str]:
    """The part of `environment` that the background process gets: needs, and our own names."""
    own = f"{prefix}_TELEMETRY"
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in _NEEDED or name.startswith(own)
    }
