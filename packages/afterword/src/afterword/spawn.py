"""Start the uploader: look for work, and start a process that outlives this one.

POSIX: one `os.posix_spawn`, which is in the interpreter; `subprocess` costs 20 ms to import. What
it cannot do (leave the working directory, close inherited descriptors) the new process does first:
see `afterword.upload.process`.

Windows: one `CreateProcess`, through the module that `subprocess` and `multiprocessing` use and
that `os` has loaded. The new process inherits one handle, on NUL. CREATE_NO_WINDOW, not
DETACHED_PROCESS: a console program that is detached makes a console of its own when it, or a child
of it, asks for one, and a window flashes (cli/cli#13353).
"""

import os
import sys

from afterword.consent import is_usual_destination
from afterword.folder import read_flat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from afterword.folder import DataFolder
    from afterword.schema import Event

    class Application(Protocol):
        """The part of a `Telemetry` that the start of its uploader needs."""

        name: str
        prefix: str
        version: str
        connection_string: str | None
        exporter: str | None
        here: str
        policy: str
        cap: int
        uploader: tuple[str, ...] | None
        clock: Callable[[], float]
        environment: Mapping[str, str]

        @property
        def events(self) -> Mapping[str, Event]: ...  # noqa: D102  # documented on Telemetry
        def destination(self) -> str | None: ...  # noqa: D102


_LOCK_FLAGS: int = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
_LONGEST_WAIT = 24 * 3600  # seconds; no cool-down is longer, so further ahead the clock has jumped

# What a network client needs to start and to reach the network, and no secrets of other programs:
# agents give their hooks every API key of their user. A proxy's password is part of its address and
# is needed.
_NEEDED = frozenset((
    # to find programs and the person's files
    "PATH", "HOME", "XDG_DATA_HOME", "TMPDIR", "TEMP", "TMP",
    "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE",
    "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX",
    # Windows cannot open a socket without SYSTEMROOT
    "SYSTEMROOT", "WINDIR", "SYSTEMDRIVE", "LOCALAPPDATA", "APPDATA", "PROGRAMDATA", "USERPROFILE",
    # proxies and certificates
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    # the person's no, in force for the upload as well
    "DO_NOT_TRACK",
))  # fmt: skip

# Where code is looked for: only in folders with a full path, or what lies in the folder in which
# the person happens to stand would run in the background.
_PLACES = (
    "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX",
)  # fmt: skip

# What loads a library into every program, as torsocks and proxychains do. Which variables such a
# wrapper reads only it knows, and without one of them it may connect directly: so it gets all.
_WRAPPERS = ("LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES")
_FOR_THIS_PROCESS = ("PYTHON", "PYTEST_", "AFTERWORD_", "_PYI_", "_MEI")

_STARTS = "telemetry-started"
_NOTE: int = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
_MOST_IN_VAIN = 3
_WAIT_IN_VAIN = 3600  # seconds
_COMES_TO_LIFE = 10  # seconds, on a machine that is busy

_started: list[int] = []


def start_uploader(application: "Application", folder: "DataFolder") -> bool:
    """Start the application's uploader if there is work for it; True if one was started.

    Raises:
        OSError: the folder cannot be read, or no process can be started.
    """
    connection_string = application.destination()
    if connection_string is None:
        return False
    if not is_usual_destination(connection_string):
        from afterword import destination

        if destination.why_no_upload(connection_string) is not None:
            return False
    if not has_work(folder, application.clock(), heed_cool_down=True):
        return False
    environment = reduced_environment(application.environment, application.prefix)
    environment[f"{application.prefix}_TELEMETRY_UPLOAD"] = "1"
    command = application.uploader
    if command is None:
        from afterword import handover

        handed = handover.prepare(application, folder, environment)
        if handed is None:
            return False
        command, environment = handed
    elif not os.path.isabs(command[0]):
        return False
    elif looks_in_the_current_folder(command):
        environment["PYTHONSAFEPATH"] = "1"
    note_start(folder)
    return spawn_detached(command, environment)


def has_work(folder: "DataFolder", now: float, *, heed_cool_down: bool) -> bool:
    """Does something wait, is no uploader at work, and is the cool-down over?

    `now`: seconds since 1970. Raise OSError if the folder cannot be read.
    """
    names = os.listdir(folder.path)
    waiting = [name for name in names if name.startswith("telemetry-events.")]
    if not waiting:
        return False
    if heed_cool_down and _STARTS in names and _start_in_vain(folder, now):
        return False
    if heed_cool_down and _is_cooling_down(folder, waiting, now):
        return False
    if not os.path.lexists(folder.upload_lock):
        return True
    from afterword.lock import is_held  # or one who was killed has left it there

    return not is_held(folder.upload_lock)


def note_start(folder: "DataFolder") -> None:
    """Note that an uploader is about to be started: one byte more in a file that it removes.

    What is left there counts the uploaders that never started to work.

    Raises:
        OSError: the uploader's lock cannot be made (no inodes, read-only): it could not work, nor
            leave word of that.
    """
    os.close(os.open(folder.upload_lock, _LOCK_FLAGS, 0o600))
    try:
        fd = os.open(os.path.join(folder.path, _STARTS), _NOTE, 0o600)
        try:
            os.write(fd, b".")
        finally:
            os.close(fd)
    except OSError:  # a full disk: then it is not counted
        pass


def forget_starts(folder: "DataFolder") -> None:
    """Remove that file: this is an uploader, and it works."""
    try:  # noqa: SIM105  # contextlib is not loaded, and stays so
        os.unlink(os.path.join(folder.path, _STARTS))
    except OSError:
        pass


def starts_in_vain(folder: "DataFolder", now: float) -> int:
    """How many uploaders were started since the last one that came to life.

    None, while the last may still come. `now`: seconds since 1970.
    """
    try:
        found = os.stat(os.path.join(folder.path, _STARTS))
    except OSError:
        return 0
    return 0 if 0 <= now - found.st_mtime < _COMES_TO_LIFE else found.st_size


def _start_in_vain(folder: "DataFolder", now: float) -> bool:
    """Did none of the last few work, and was the last one started a short time ago?"""
    try:
        found = os.stat(os.path.join(folder.path, _STARTS))
    except OSError:
        return False
    return found.st_size >= _MOST_IN_VAIN and 0 <= now - found.st_mtime < _WAIT_IN_VAIN


def _is_cooling_down(folder: "DataFolder", waiting: list[str], now: float) -> bool:
    """Is the cool-down of a failed upload not over, or can no status be written?"""
    status = read_flat(folder.upload_status)
    if status is not None:
        times = [status.get("nextSeconds")]
        if not any(name == "telemetry-events.jsonl" or ".new-" in name for name in waiting):
            times.append(status.get("heldSeconds"))
        if any(isinstance(at, int) and 0 < at - now <= _LONGEST_WAIT for at in times):
            return True
    elif os.path.lexists(folder.upload_status) and not os.path.isfile(folder.upload_status):
        return True  # something is in the way of the status
    # On a disk too full for the status, the time is that of the files themselves: in whole seconds,
    # which a file that was written with a clock ahead of ours does not have.
    for name in waiting:
        seconds, rest = divmod(os.lstat(os.path.join(folder.path, name)).st_mtime_ns, 10**9)
        if not rest and 0 < seconds - now <= _LONGEST_WAIT:
            return True
    return False


def reduced_environment(environment: "Mapping[str, str]", prefix: str) -> dict[str, str]:
    """The part of `environment` that the background process gets.

    All of it but what is for this process, where a wrapper loads a library into every program.
    """
    own = f"{prefix}_TELEMETRY"
    wrapped = any(environment.get(name) for name in _WRAPPERS)
    reduced = {
        name: environment[name]
        for name in environment
        if name in _NEEDED
        or name.startswith(own)
        or name.upper() in _NEEDED
        or (wrapped and not name.startswith(_FOR_THIS_PROCESS))
    }
    for name in _PLACES:
        if name in reduced and not (wrapped and name.startswith("LD_")):
            places = [place for place in reduced[name].split(os.pathsep) if os.path.isabs(place)]
            if places:
                reduced[name] = os.pathsep.join(places)
            else:
                del reduced[name]
    return reduced


def looks_in_the_current_folder(command: tuple[str, ...]) -> bool:
    """Is it `python -m …` or `python -c …`, which puts the current folder on the module path?"""
    arguments = iter(command[1:])
    for argument in arguments:
        if not argument.startswith("-"):
            return False  # a script: its own folder is
        if argument.startswith("--"):
            continue
        for at, letter in enumerate(argument[1:], 2):
            if letter in "mc":
                return True
            if letter in "WX":  # with a value, in this argument or the next
                if at == len(argument):
                    next(arguments, None)
                break
    return False


if sys.platform == "win32":
    _FLAGS = 0x08000000 | 0x00000200  # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP
    _OUT_OF_THE_JOB = 0x01000000  # CREATE_BREAKAWAY_FROM_JOB

    def spawn_detached(command: tuple[str, ...], environment: "Mapping[str, str]") -> bool:
        """Start `command` without a window. True if it started.

        `command[0]` is a full path. It leaves the job if that is allowed, so that it outlives a
        terminal or an agent that ends its job. It keeps no folder of the user's in use.
        """
        import _winapi
        import msvcrt

        line = command_line(command)
        place = os.environ.get("SYSTEMROOT", "C:\\")
        null = os.open(os.devnull, os.O_RDWR)
        try:
            streams = _Streams(msvcrt.get_osfhandle(null))
            for flags in (_FLAGS | _OUT_OF_THE_JOB, _FLAGS):
                try:
                    process, thread, _, _ = _winapi.CreateProcess(
                        command[0], line, None, None, True, flags, dict(environment), place, streams
                    )
                except PermissionError:
                    continue
                _winapi.CloseHandle(thread)
                _winapi.CloseHandle(process)
                return True
        finally:
            os.close(null)
        return False

    class _Streams:
        """A STARTUPINFO: all standard streams are this handle, and no other one is inherited."""

        dwFlags = 0x100  # noqa: N815  # Windows' names; STARTF_USESTDHANDLES
        wShowWindow = 0  # noqa: N815

        def __init__(self, handle: int) -> None:
            os.set_handle_inheritable(handle, True)
            self.hStdInput = self.hStdOutput = self.hStdError = handle
            self.lpAttributeList = {"handle_list": [handle]}

    def command_line(arguments: tuple[str, ...]) -> str:
        """The arguments as one text, which the C library takes apart again.

        A backslash is doubled before a quotation mark only ("Parsing C command-line arguments",
        Microsoft's C reference).
        """
        quoted = []
        for argument in arguments:
            text = ""
            slashes = 0
            for character in argument + '"':  # the last one is the closing mark
                if character == '"':
                    text += "\\" * slashes + '\\"'
                slashes = slashes + 1 if character == "\\" else 0
                if character != '"':
                    text += character
            quoted.append(f'"{text[:-2]}"')
        return " ".join(quoted)

else:

    def spawn_detached(command: tuple[str, ...], environment: "Mapping[str, str]") -> bool:
        """Start `command` in a session of its own, standard streams on /dev/null. True if started.

        `command[0]` is a full path. The child is never waited for; one that an earlier call of
        this process started and that has ended since is reaped, so that a long-lived program keeps
        at most one zombie.
        """
        for pid in _started[:]:
            try:
                if os.waitpid(pid, os.WNOHANG)[0] == pid:
                    _started.remove(pid)
            except OSError:  # somebody else's SIGCHLD handling took it
                _started.remove(pid)
        null = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        try:
            pid = os.posix_spawn(command[0], command, environment, file_actions=null, setsid=True)
        except NotImplementedError:  # a C library without POSIX_SPAWN_SETSID; the child does it
            pid = os.posix_spawn(command[0], command, environment, file_actions=null, setpgroup=0)
        _started.append(pid)
        return True
