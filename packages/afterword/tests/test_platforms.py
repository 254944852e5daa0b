"""Where the files lie on each system; what is Windows' own is in `test_windows`."""

import os

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
        ("win32", {"LOCALAPPDATA": "//server/share/data"}, "//server/share/data/app"),
        ("win32", {"LOCALAPPDATA": "appdata"}, None),
        ("win32", {"HOME": "/home/me"}, None),
    ],
)
def test_where_the_data_belongs(
    platform: str, environment: dict[str, str], path: str | None
) -> None:
    found = default_path("app", environment, platform)
    assert (found and found.replace(os.sep, "/")) == path


@pytest.mark.parametrize(
    ("platform", "environment", "start"),
    [
        ("linux", {"XDG_CONFIG_DIRS": "/mine"}, "/etc/xdg/app/"),
        ("darwin", {}, "/Library/Application Support/app/"),
        ("win32", {"PROGRAMDATA": "/pd"}, "/pd/app/"),
        ("win32", {}, "C:/ProgramData"),
    ],
)
def test_where_a_policy_lies(platform: str, environment: dict[str, str], start: str) -> None:
    assert policy_path("app", environment, platform).replace("\\", "/").startswith(start)
