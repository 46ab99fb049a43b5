#!/bin/sh
# Runs all tests. As root it first installs what they use and makes the ordinary user that the
# sandbox is tested as; anyone else is told what is missing.
#
#     CI=1                a test that cannot run here fails, instead of being skipped
#     JAIL_BLESS=1        rewrite completions and man pages
set -eu
cd "$(dirname "$0")/.."

# program:package
used='gcc:gcc make:make git:git python3:python3 node:nodejs npm:npm gdb:gdb strace:strace
vim:vim tmux:tmux newuidmap:uidmap'
user=jail-test

missing=
for pair in $used; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
# A module, not a program.
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"

if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "tests/run.sh: missing:$missing; as root: apt-get install$missing" >&2
        exit 1
    fi
    apt-get update -q </dev/null
    # The list is words: one package each.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing </dev/null
fi

if [ "$(id -u)" = 0 ]; then
    id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
    for file in /etc/subuid /etc/subgid; do
        grep -q "^$user:" "$file" 2>/dev/null || echo "$user:700000:65536" >>"$file"
    done
fi

if ! command -v cargo-nextest >/dev/null; then
    cargo install --locked cargo-nextest </dev/null
fi

if [ -n "${CI:-}" ]; then
    export JAIL_TEST_REQUIRE=1
fi

cargo fmt --check
cargo clippy --all-targets -- -D warnings
cargo nextest run
