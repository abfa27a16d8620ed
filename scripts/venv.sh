#!/bin/sh
# Makes .venv and installs the pinned, hash-checked packages: `venv.sh run` those of requirements.txt,
# `venv.sh dev` those of requirements-dev.txt, which holds all of the first, too.
#
# A copy of the installed list stays in .venv as the stamp, so nothing is installed twice, and `run` after `dev`
# keeps what `dev` installed. PYTHON names the interpreter to use.
set -eu

cd "$(dirname "$0")/.."
UV_PYTHON_DOWNLOADS=never
export UV_PYTHON_DOWNLOADS

say() { printf '%s\n' "lswpanel: $*" >&2; }
fail() { say "$@"; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
version_of() { "$1" -c 'import sys; print(".".join(map(str, sys.version_info[:3])))' 2>/dev/null || echo unknown; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || fail "PYTHON is $PYTHON, which is not a program on this machine."
        new_enough "$PYTHON" || fail "PYTHON is $PYTHON, version $(version_of "$PYTHON"); Python 3.11 or newer is needed."
        echo "$PYTHON"
        return
    fi
    for name in python3.11 python3.12 python3.13 python3.14 python3; do
        if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    found=none
    if command -v python3 >/dev/null 2>&1; then found="python3, version $(version_of python3)"; fi
    fail "Python 3.11 or newer is needed (found: $found). Install it, or name one: make run PYTHON=/path/to/python3.11"
}

# Fills a folder that `venv` or `uv venv` made; the packages it has stay.
install_with_uv() {
    [ -e .venv/bin/python ] || uv venv --quiet --python "$1" .venv || return 1
    # Compiled once here, as pip does: else each of the panel's processes compiles for seconds at its start.
    uv pip sync --quiet --compile-bytecode --require-hashes --python .venv/bin/python "$2"
}

install_with_pip() {
    "$1" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        fail "This Python ($1) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"
    .venv/bin/python -m pip --version >/dev/null 2>&1 || "$1" -m venv .venv
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$2"
}

case "${1:-}" in
    run) list=requirements.txt ;;
    dev) list=requirements-dev.txt ;;
    *) fail "usage: scripts/venv.sh run|dev" ;;
esac

# Left behind by another machine, or its Python is gone: nothing in it can be used.
if [ -e .venv ] && ! new_enough .venv/bin/python; then
    say "Making .venv anew: its Python no longer works."
    rm -rf .venv
fi

stamp=.venv/$list
if [ "$list" = requirements.txt ] && [ -e .venv/requirements-dev.txt ]; then
    list=requirements-dev.txt
fi

if ! cmp -s "$list" ".venv/$list"; then
    python=$(find_python)
    say "Installing the packages of $list into .venv ..."
    rm -f .venv/requirements.txt .venv/requirements-dev.txt
    if ! command -v uv >/dev/null 2>&1; then
        install_with_pip "$python" "$list"
    elif ! install_with_uv "$python" "$list"; then
        say "uv could not install them; trying pip."
        install_with_pip "$python" "$list"
    fi
    cp "$list" ".venv/$list"
fi

# The time of the stamp is what make compares.
if [ "$stamp" = ".venv/$list" ]; then touch "$stamp"; else cp requirements.txt "$stamp"; fi
