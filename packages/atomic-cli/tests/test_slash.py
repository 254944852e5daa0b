import pytest

from atomic import slash


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["/commit"], ["commit"]),
        (["/commit fix it"], ["commit"]),
        (["/commit\nfix it"], ["commit"]),
        (["/commit", "fix", "it"], ["commit"]),
        (["-p", "/create-gh-pr for main", "--model", "x"], ["create-gh-pr"]),
        (
            ["/commit", "/explain-code a.py", "/create-spec"],
            ["commit", "explain-code", "create-spec"],
        ),
        (["/commit", "/commit again"], ["commit", "commit"]),
        ([], []),
        ([""], []),
        (["-p", "hello"], []),
        (["/commits"], []),
        (["/commit-all"], []),
        (["/commit/x"], []),
        (["src/commit"], []),
        (["commit"], []),
        (["/"], []),
        (["//commit"], []),
        (["/ commit"], []),
        ([" /commit"], []),
        (["/Commit"], []),
        (["/unknown", "/etc/passwd"], []),
        (["/ralph:commit", "/plugin:commit"], []),
        (["explain what /commit does"], []),
    ],
)
def test_of_arguments(arguments: list[str], found: list[str]) -> None:
    assert slash.of_arguments("claude", arguments) == found


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("$commit", "commit"),
        ("$commit fix it", "commit"),
        ("$commits", None),
        ("$ commit", None),
        ("say $commit", None),
        ("/commit", None),
        ("", None),
    ],
)
def test_of_codex_prompt(prompt: str, found: str | None) -> None:
    assert slash.of_codex_prompt(prompt) == found
    assert slash.of_arguments("codex", ["exec", prompt]) == ([found] if found else [])


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("<!-- atomic: /commit -->\n\n# Commit\n", "commit"),
        ("\ufeff<!-- atomic: /commit -->", None),
        ("<!-- atomic: /unknown -->\n", None),
        ("<!-- atomic: /commit --> and more\n", None),
        ("What is <!-- atomic: /commit -->?", None),
        ("hello\n<!-- atomic: /commit -->\n", None),
        ("/commit", None),
        ("", None),
    ],
)
def test_of_gemini_prompt(prompt: str, found: str | None) -> None:
    assert slash.of_gemini_prompt(prompt) == found


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["run", "--command", "commit", "fix"], ["commit"]),
        (["run", "--command=commit"], ["commit"]),
        (["run", "--command", "/commit"], ["commit"]),
        (["run", "--command", "other"], []),
        (["run", "--model=commit", "commit"], []),
        (["/commit"], ["commit"]),
    ],
)
def test_opencode_is_told_by_an_option_too(arguments: list[str], found: list[str]) -> None:
    assert slash.of_arguments("opencode", arguments) == found
    assert slash.of_arguments("claude", ["--command", "commit"]) == []


INTERACTIVE = (
    'The user explicitly invoked the "/{}" skill. Follow its instructions now.\n\n<skill-context …'
)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("/commit fix the thing", "commit"),
        (INTERACTIVE.format("commit"), "commit"),
        (INTERACTIVE.format("research-codebase"), "research-codebase"),
        (INTERACTIVE.format("theirs"), None),
        ("He wrote: " + INTERACTIVE.format("commit"), None),
        ('The user explicitly invoked the "/commit', None),
        ("please /commit", None),
        ("", None),
    ],
)
def test_of_copilot_prompt(prompt: str, found: str | None) -> None:
    assert slash.of_copilot_prompt(prompt) == found
