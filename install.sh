#!/bin/sh
# Installs atomic as a program of its own, for one person: no root, no Python needed.
#
#   curl -fsSL https://HOST/install.sh | sh
#
# It goes to ~/.local/lib/atomic, with a link in ~/.local/bin. `atomic update` and `atomic uninstall`
# call this script again, which lies beside the program.
#
#   install.sh                install it, or put the newest one in its place
#   install.sh --newest       print the newest version there is
#   install.sh --uninstall    remove the program
#
# Variables: ATOMIC_INSTALL_FROM (where SHA256SUMS and the archives are), ATOMIC_INSTALL_TO (instead
# of ~/.local).
set -eu

# The project has no server yet; a name under .invalid is never resolved (RFC 2606).
from=https://releases.atomic.invalid/latest

fail() {
    printf 'Error: %s\n' "$1" >&2
    exit 1
}

# The file of this name at the server, to stdout.
fetch() {
    case $from in
    https://* | http://127.0.0.1:* | http://localhost:*) ;;
    *) fail "$from: only https is allowed." ;;
    esac
    if command -v curl >/dev/null 2>&1; then
        curl -fsSL --proto-redir =https --retry 2 "$from/$1"
    elif command -v wget >/dev/null 2>&1; then
        wget -q -O - "$from/$1"
    else
        fail "curl or wget is needed."
    fi
}

# As the archives are named: atomic-VERSION-SYSTEM-MACHINE.tar.gz.
suffix() {
    system=$(uname -s | tr '[:upper:]' '[:lower:]')
    case $system in
    darwin) system=macos ;;
    linux)
        if [ -e /lib/ld-musl-x86_64.so.1 ] && [ ! -e /lib64/ld-linux-x86-64.so.2 ]; then
            fail "There is no binary for musl yet: pipx install atomic-cli."
        fi
        ;;
    esac
    machine=$(uname -m)
    case $machine in
    amd64) machine=x86_64 ;;
    aarch64) machine=arm64 ;;
    esac
    printf '%s-%s.tar.gz' "$system" "$machine"
}

# The line of SHA256SUMS for this system: a hash, two blanks, a name.
line() {
    ending=$(suffix) || exit 1
    sums=$(fetch SHA256SUMS) || fail "The newest version could not be looked up at $from."
    found=$(printf '%s\n' "$sums" | grep -E "^[0-9a-f]{64}  atomic-[0-9A-Za-z.+]+-$ending\$" | head -n 1)
    [ -n "$found" ] || fail "There is no atomic for this system ($ending) at $from."
    printf '%s' "$found"
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d ' ' -f 1
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 "$1" | cut -d ' ' -f 1
    else
        fail "sha256sum or shasum is needed."
    fi
}

install() {
    wanted=$(line)
    hash=${wanted%% *}
    name=${wanted##* }
    if [ -e "$to/lib/atomic" ] && [ ! -e "$to/lib/atomic/installed-from" ]; then
        fail "$to/lib/atomic is there and is not ours."
    fi
    if [ -e "$to/bin/atomic" ] && [ ! -L "$to/bin/atomic" ]; then
        fail "$to/bin/atomic is there and is no link of ours: another installation of atomic?"
    fi
    mkdir -p "$to/lib" "$to/bin"
    work=$(mktemp -d "$to/lib/atomic.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    printf 'Fetching %s ...\n' "$name" >&2
    fetch "$name" >"$work/archive" || fail "$name could not be fetched from $from."
    [ "$(sha256 "$work/archive")" = "$hash" ] || fail "$name is damaged: its SHA-256 is not $hash."
    tar -xzf "$work/archive" -C "$work"
    "$work/atomic/atomic" --version >/dev/null || fail "$name does not run on this system."
    printf '%s\n' "$from" >"$work/atomic/installed-from"
    [ ! -e "$to/lib/atomic" ] || mv "$to/lib/atomic" "$work/before"
    mv "$work/atomic" "$to/lib/atomic"
    ln -sf "$to/lib/atomic/atomic" "$to/bin/atomic"
    printf '%s is installed: %s\n' "$("$to/bin/atomic" --version)" "$to/bin/atomic" >&2
    case :$PATH: in
    *:"$to/bin":*) ;;
    *) printf 'Add %s to your PATH.\n' "$to/bin" >&2 ;;
    esac
}

uninstall() {
    [ -e "$to/lib/atomic/installed-from" ] || fail "$to/lib/atomic was not installed by this script."
    if [ "$(readlink "$to/bin/atomic")" = "$to/lib/atomic/atomic" ]; then
        rm "$to/bin/atomic"
    fi
    rm -rf "$to/lib/atomic"
    rmdir "$to/lib" "$to/bin" 2>/dev/null || true
}

# Beside the program, it is this program that is meant, from where it came.
here=$(dirname "$0")
if [ "$(basename "$0")" = install.sh ] && [ -e "$here/installed-from" ]; then
    here=$(cd "$here" && pwd -P)
    from=$(cat "$here/installed-from")
    to=$(dirname "$(dirname "$here")")
else
    to=${ATOMIC_INSTALL_TO:-${HOME:?}/.local}
fi
from=${ATOMIC_INSTALL_FROM:-$from}

# Read whole before anything is done: a download that breaks off does nothing.
case ${1:-} in
"") install ;;
--newest) line | sed 's/.*  atomic-\([^-]*\)-.*/\1/' ;;
--uninstall) uninstall ;;
*) fail "Unknown option $1. Use --newest or --uninstall." ;;
esac
