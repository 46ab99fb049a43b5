# Sourced by the others: finds the programs to compare and becomes an ordinary user.
#
#     JAIL=PATH              the jail to measure; default: the release build of this tree
#     JAIL_BENCH_USER=NAME   who measures when root starts this; default: jail-test
#
# The programs are copied to a directory that the user can read, and that is the working
# directory of everything that is measured.

set -euo pipefail
export LC_ALL=C

need() {
    if ! command -v "$1" >/dev/null; then
        echo "$0: needs \`$1\`: apt-get install $2" >&2
        exit 1
    fi
}

need bwrap bubblewrap
need hyperfine hyperfine
need python3 python3
need cc gcc
need setpriv util-linux

find_jail() {
    local tree candidate
    tree=$(dirname "$(dirname "$bench")")
    if [ -n "${JAIL:-}" ]; then
        echo "$JAIL"
        return
    fi
    for candidate in "$tree"/target/*/release/jail "$tree"/target/release/jail; do
        if [ -x "$candidate" ]; then
            echo "$candidate"
            return
        fi
    done
    echo "$0: no release build of jail here: cargo build --release" >&2
    exit 1
}

# Fills a directory with jail, bare, forbid and these scripts.
prepare() {
    local jail
    jail=$(find_jail)
    JAIL_BENCH_DIR=$(mktemp -d "${TMPDIR:-/var/tmp}/jail-bench.XXXXXX")
    export JAIL_BENCH_DIR
    trap 'rm -rf "$JAIL_BENCH_DIR"' EXIT
    chmod 755 "$JAIL_BENCH_DIR"
    install -m 755 "$jail" "$JAIL_BENCH_DIR/jail"
    cc -O2 -static -o "$JAIL_BENCH_DIR/bare" "$bench/bare.c"
    cc -O2 -static -o "$JAIL_BENCH_DIR/forbid" "$bench/forbid.c"
    install -m 755 "$bench"/*.sh "$JAIL_BENCH_DIR"
    install -m 644 "$bench"/*.py "$JAIL_BENCH_DIR"
}

# Runs a command as the ordinary user: as this one, unless this is root.
as_user() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    local user=${JAIL_BENCH_USER:-jail-test} home
    if ! home=$(getent passwd "$user" | cut -d: -f6) || [ -z "$home" ]; then
        echo "$0: no user \`$user\` to measure as: useradd --create-home $user" >&2
        exit 1
    fi
    chown -R "$user:" "$JAIL_BENCH_DIR"
    setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups -- \
        env -i PATH="$PATH" LC_ALL=C HOME="$home" USER="$user" JAIL_BENCH_DIR="$JAIL_BENCH_DIR" \
        sh -c 'cd "$JAIL_BENCH_DIR" && exec "$@"' sh "$@"
}

# Every script starts with this: the first time it prepares and starts itself again as the
# ordinary user, the second time it goes on.
become_user() {
    if [ -z "${JAIL_BENCH_DIR:-}" ]; then
        prepare
        as_user "$JAIL_BENCH_DIR/$(basename "$0")" "$@"
        exit
    fi
    cd "$JAIL_BENCH_DIR"
    jail=$JAIL_BENCH_DIR/jail
    bare=$JAIL_BENCH_DIR/bare
    forbid=$JAIL_BENCH_DIR/forbid
}

# bubblewrap as people use it.
bwrap_usual=(bwrap --unshare-all --die-with-parent --new-session
    --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp)

# bubblewrap with the mounts of jail's default profile, as near as it can: each private directory
# is a tmpfs of its own, and what is masked is a device node that cannot be opened.
bwrap_same_mounts() {
    local path name
    bwrap_same=(bwrap --unshare-all --die-with-parent --new-session --hostname jail)
    for path in /usr /bin /sbin /lib /lib64 /lib32 /libx32 /opt; do
        if [ -L "$path" ]; then
            bwrap_same+=(--symlink "$(readlink "$path")" "$path")
        elif [ -e "$path" ]; then
            bwrap_same+=(--ro-bind "$path" "$path")
        fi
    done
    for name in alternatives ld.so.cache ld.so.conf ld.so.conf.d ssl/certs ssl/openssl.cnf \
        pki/ca-trust pki/tls/certs crypto-policies localtime locale.conf nsswitch.conf \
        protocols services os-release bash.bashrc bashrc inputrc java-17-openjdk; do
        path=/etc/$name
        if [ -L "$path" ]; then
            bwrap_same+=(--symlink "$(readlink "$path")" "$path")
        elif [ -e "$path" ]; then
            bwrap_same+=(--ro-bind "$path" "$path")
        fi
    done
    bwrap_same+=(--perms 1777 --tmpfs /tmp --perms 0755 --tmpfs /run --perms 1777 --tmpfs /var/tmp
        --perms 0700 --tmpfs "$HOME" --proc /proc --dev /dev)
    for path in /proc/{acpi,asound,interrupts,kcore,keys,latency_stats,sched_debug,scsi} \
        /proc/{timer_list,timer_stats,kallsyms,modules,config.gz,vmallocinfo,cgroups}; do
        if [ -d "$path" ]; then
            bwrap_same+=(--perms 0000 --tmpfs "$path")
        elif [ -e "$path" ]; then
            bwrap_same+=(--ro-bind /dev/null "$path")
        fi
    done
    bwrap_same+=(--bind "$PWD" "$PWD" --remount-ro / --chdir "$PWD")
}

# Measures commands in turns, several rounds of each, so that a busy machine hurts all alike.
#     in_turns ROUNDS RUNS NAME COMMAND [NAME COMMAND]...      the first is what others are compared with
in_turns() {
    local rounds=$1 runs=$2 round
    shift 2
    local names=() commands=()
    while [ $# -gt 0 ]; do
        names+=("$1")
        commands+=("$2")
        shift 2
    done
    for ((round = 0; round < rounds; round++)); do
        # Its warnings are about a busy machine, which the rounds are for.
        if ! hyperfine -N --style none --warmup 3 --runs "$runs" \
            --export-json "$JAIL_BENCH_DIR/round-$round.json" "${commands[@]}" \
            >/dev/null 2>"$JAIL_BENCH_DIR/complaints"; then
            cat "$JAIL_BENCH_DIR/complaints" >&2
            exit 1
        fi
    done
    python3 "$JAIL_BENCH_DIR/table.py" "${names[@]}" -- "$JAIL_BENCH_DIR"/round-*.json
    rm "$JAIL_BENCH_DIR"/round-*.json
}
