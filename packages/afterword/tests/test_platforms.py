"""The logic of the systems we do not run on, with stand-ins for what only they have."""

import subprocess
import sys

import pytest

from afterword.folder import default_path, policy_path


@pytest.mark.parametrize(
    ("platform", "environment", "path"),
    [
        ("linux", {"HOME": "/home/me"}, "/home/me/.local/share/app"),
        ("linux", {"HOME": "/home/me", "XDG_DATA_HOME": "/data"}, "/data/app"),
        ("linux", {"HOME": "/home/me", "XDG_DATA_HOME": "data"}, "/home/me/.local/share/app"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/app"),
        ("linux", {"HOME": "here"}, None),
        ("linux", {}, None),
        ("darwin", {"HOME": "/Users/me"}, "/Users/me/.local/share/app"),
        ("win32", {"LOCALAPPDATA": "/appdata"}, "/appdata/app"),
        ("win32", {"HOME": "/home/me"}, None),
    ],
)
def test_where_the_data_belongs(
    platform: str, environment: dict[str, str], path: str | None
) -> None:
    assert default_path("app", environment, platform) == path


@pytest.mark.parametrize(
    ("platform", "environment", "start"),
    [
        ("linux", {"XDG_CONFIG_DIRS": "/mine"}, "/etc/xdg/app/"),
        ("darwin", {}, "/Library/Application Support/app/"),
        ("win32", {"PROGRAMDATA": "/pd"}, "/pd/app/"),
        ("win32", {}, "C:\\ProgramData"),
    ],
)
def test_where_a_policy_lies(platform: str, environment: dict[str, str], start: str) -> None:
    assert policy_path("app", environment, platform).startswith(start)


AS_WINDOWS = """
import errno, os, subprocess, sys, tempfile, types
sys.platform = "win32"
held = {}
def locking(fd, mode, count):
    here = os.lseek(fd, 0, os.SEEK_CUR)
    key = (os.fstat(fd).st_ino, here)
    if key in held and held[key] != fd:
        raise OSError(errno.EACCES, "locked")
    held[key] = fd
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", AS_WINDOWS + code],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_windows_lock_lies_behind_the_data_and_moves_nothing() -> None:
    out = run("""
from afterword import lock
path = os.path.join(tempfile.mkdtemp(), "f")
one, two = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
os.write(one, b"data")
print(lock.try_lock(one), lock.try_lock(two), os.lseek(one, 0, os.SEEK_CUR))
(_, where), = held
print(where > 1 << 29)
lock.rename_and_close(one, path, path + ".taken")
print(os.path.exists(path + ".taken"))
try:
    os.fstat(one)
except OSError:
    print("closed first")
""")
    assert out.split("\n")[:4] == ["True False 4", "True", "True", "closed first"]


def test_a_windows_process_has_no_window_and_leaves_its_job_where_it_may() -> None:
    out = run("""
for name, value in dict(CREATE_NO_WINDOW=1, CREATE_NEW_PROCESS_GROUP=2,
                        CREATE_BREAKAWAY_FROM_JOB=4).items():
    setattr(subprocess, name, value)
calls = []
def popen(command, **options):
    calls.append(options)
    if options["creationflags"] & 4:
        raise PermissionError("the job forbids it")
subprocess.Popen = popen
from afterword.spawn import spawn_detached
print(spawn_detached(("prog",), {"A": "b"}))
print([call["creationflags"] for call in calls])
last = calls[-1]
print(last["stdin"] == last["stdout"] == last["stderr"] == subprocess.DEVNULL, last["close_fds"],
      last["env"], last["cwd"] != os.getcwd())
""")
    assert out.splitlines() == ["True", "[7, 3]", "True True {'A': 'b'} True"]
