"""Add the hash of every text that `atomic init` installs now to `atomic/install/texts.txt`.

Lines are only added: by them files of an older version are known again where no manifest is.
"""

from atomic.agents import AGENTS, installation
from atomic.install.adoption import TEXTS, texts
from atomic.install.manifest import digest


def main() -> None:
    """Write the file anew, sorted by path."""
    known = texts()
    for path, text in installation(AGENTS).files.items():
        known.setdefault(path, set()).add(digest(text.encode()))
    with open(TEXTS, "w", encoding="ascii", newline="\n") as file:
        for path in sorted(known):
            file.writelines(f"{sha256} {path}\n" for sha256 in sorted(known[path]))


if __name__ == "__main__":
    main()
