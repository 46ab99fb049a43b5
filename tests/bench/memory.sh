#!/usr/bin/env bash
# What stays in memory while a command runs: the supervisor and init of jail, the two processes
# of bubblewrap. Shared pages count in proportion.
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"

# The kernel shows the pages of an init that hides its memory to root alone.
if [ "$(id -u)" != 0 ]; then
    echo "$0: start this as root; what is measured runs as an ordinary user" >&2
    exit 1
fi
[ -n "${JAIL_BENCH_DIR:-}" ] || prepare

descendants() {
    local child
    for child in $(cat "/proc/$1/task/$1/children"); do
        echo "$child"
        descendants "$child"
    done
}

# The KiB of all processes of a sandbox but for the command itself.
resident() {
    local ready=$JAIL_BENCH_DIR/ready first pid total=0 size
    mkfifo "$ready"
    as_user "$@" sh -c 'echo up && exec sleep 60' >"$ready" &
    local launcher=$!
    read -r first <"$ready"
    [ "$first" = up ]
    rm "$ready"
    for pid in $(descendants "$launcher"); do
        case $(tr '\0' ' ' <"/proc/$pid/cmdline") in
        "sleep 60 ") continue ;;
        esac
        size=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")
        total=$((total + size))
    done
    for pid in "$launcher" $(descendants "$launcher"); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait "$launcher" 2>/dev/null || true
    echo "$total"
}

ours=$(resident "$JAIL_BENCH_DIR/jail" run -q --)
theirs=$(resident "${bwrap_usual[@]}")
echo "| | proportional set size |"
echo "|---|---:|"
echo "| jail run: supervisor and init | $ours KiB |"
echo "| bubblewrap: both processes | $theirs KiB |"
