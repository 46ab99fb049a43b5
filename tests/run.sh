#!/bin/sh
# Runs all tests. As root it first installs what they use and makes the ordinary user that the
# sandbox is tested as; anyone else is told what is missing.
#
#     CI=1                a test that cannot run here fails, instead of being skipped
#     JAIL_BLESS=1        rewrite completions and man pages
#     JAIL_TEST_VM=PATH   a program that runs a command on another kernel, in a virtual machine;
#                         without it, `vm-run` if that is in PATH. tests/it/support/machine.rs
#                         says what such a program takes; the kernels it fetched it keeps
#
# What was skipped is listed in the end.
set -eu
cd "$(dirname "$0")/.."

machines=${JAIL_TEST_VM:-$(command -v vm-run || :)}
if [ -n "$machines" ]; then
    export JAIL_TEST_VM="$machines"
elif [ -n "${CI:-}" ]; then
    echo "tests/run.sh: CI is set, so no test may be skipped, and JAIL_TEST_VM names no program" \
        "for virtual machines" >&2
    exit 1
fi

# program:package
used='gcc:gcc make:make git:git python3:python3 node:nodejs npm:npm gdb:gdb strace:strace
vim:vim busybox:busybox-static perl:perl setpriv:util-linux newuidmap:uidmap dbus-daemon:dbus-daemon
skopeo:skopeo zstd:zstd mmdebstrap:mmdebstrap docker-registry:docker-registry
umoci:umoci podman:podman buildah:buildah openssl:openssl pasta:passt ip:iproute2 curl:curl
java:default-jdk-headless unshare:util-linux'
if [ -n "${JAIL_TEST_VM:-}" ]; then
    used="$used qemu-system-x86_64:qemu-system-x86"
fi
user=jail-test

missing=
for pair in $used; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
# Not programs: a module, headers, and the keys of the archive that images and kernels come from.
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
python3 -c 'import jsonschema' 2>/dev/null || missing="$missing python3-jsonschema"
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"

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

# As udev makes it; a container may have it for root alone.
if [ "$(id -u)" = 0 ] && [ -c /dev/net/tun ]; then
    chmod 0666 /dev/net/tun
fi

if ! command -v cargo-nextest >/dev/null; then
    cargo install --locked cargo-nextest </dev/null
fi

if [ -n "${CI:-}" ]; then
    export JAIL_TEST_REQUIRE=1
fi

JAIL_TEST_SKIPS=$(mktemp)
export JAIL_TEST_SKIPS
# The runner shows no output of a test that passes, and one that is skipped passes.
list_skips() {
    if [ -s "$JAIL_TEST_SKIPS" ]; then
        echo "tests/run.sh: $(wc -l <"$JAIL_TEST_SKIPS") tests were skipped, or parts of them:"
        sort "$JAIL_TEST_SKIPS"
    fi
    rm -f "$JAIL_TEST_SKIPS"
}
trap list_skips EXIT

cargo fmt --check
cargo clippy --all-targets -- -D warnings
cargo nextest run
