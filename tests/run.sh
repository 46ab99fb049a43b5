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
used='gcc:gcc bwrap:bubblewrap pgrep:procps runc:runc make:make git:git python3:python3 node:nodejs npm:npm gdb:gdb strace:strace
vim:vim busybox:busybox-static perl:perl setpriv:util-linux newuidmap:uidmap dbus-daemon:dbus-daemon
skopeo:skopeo zstd:zstd mmdebstrap:mmdebstrap docker-registry:docker-registry
umoci:umoci podman:podman buildah:buildah openssl:openssl pasta:passt ip:iproute2 curl:curl ping:iputils-ping
java:default-jdk-headless unshare:util-linux pip3:python3-pip ssh:openssh-client
sshd:openssh-server psql:postgresql-client postgres:postgresql dig:bind9-dnsutils
go:golang-go cmake:cmake ccache:ccache mvn:maven ant:ant
zsh:zsh fish:fish man:man-db dpkg-deb:dpkg'
if [ -n "${JAIL_TEST_VM:-}" ]; then
    used="$used qemu-system-x86_64:qemu-system-x86"
fi
user=jail-test

# Not every release of a package has every unit.
switch_off() {
    if command -v systemctl >/dev/null && systemctl cat "$1" >/dev/null 2>&1; then
        systemctl disable "$1"
    fi
}

# Where the tests look for them, and not in the caller's PATH; servers are in directories of their own.
is_there() {
    for directory in /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin \
        /usr/lib/postgresql/*/bin; do
        [ ! -x "$directory/$1" ] || return 0
    done
    return 1
}

missing=
for pair in $used; do
    is_there "${pair%%:*}" || missing="$missing ${pair#*:}"
done
places=/usr/local/bin:/usr/bin:/bin
# Not programs: modules, headers, functions of bash, and the keys of the archive that images and kernels come from.
PATH=$places python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
PATH=$places python3 -c 'import jsonschema' 2>/dev/null || missing="$missing python3-jsonschema"
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
plugins=/usr/share/maven-repo/org/apache/maven/plugins
[ -e $plugins/maven-surefire-plugin ] || missing="$missing libsurefire-java"
for plugin in compiler jar resources; do
    [ -e "$plugins/maven-$plugin-plugin" ] || missing="$missing libmaven-$plugin-plugin-java"
done
[ -e /usr/share/bash-completion/bash_completion ] || missing="$missing bash-completion"
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"

# Some of the packages bring a service. The tests start servers of their own, so none of these is
# started now (invoke-rc.d asks policy-rc.d) or when the machine starts again; what was installed
# before is left as it is.
install_quietly() {
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    else
        policy=
    fi
    # The list is words: one package each.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing </dev/null
    for pair in openssh-server:ssh.service openssh-server:ssh.socket postgresql:postgresql.service \
        docker-registry:docker-registry.service; do
        case " $missing " in
        *" ${pair%%:*} "*) switch_off "${pair#*:}" ;;
        esac
    done
    [ -z "$policy" ] || rm -f "$policy"
    trap - EXIT HUP INT TERM
}

if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "tests/run.sh: missing:$missing; as root: apt-get install$missing" >&2
        exit 1
    fi
    apt-get update -q </dev/null
    install_quietly
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

if ! command -v cargo-deb >/dev/null; then
    cargo install --locked cargo-deb </dev/null
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
cargo nextest run ${CI:+--profile ci}
