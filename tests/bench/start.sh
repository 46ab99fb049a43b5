#!/usr/bin/env bash
# How long a start takes: /bin/true in a jail with all protections, in bubblewrap, and in
# what the kernel alone costs.
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
become_user "$@"

bwrap_same_mounts
quoted() { printf '%q ' "$@"; }
in_turns 6 60 \
    "jail run" "$(quoted "$jail" run -q -- /bin/true)" \
    "bubblewrap, whole root" "$(quoted "${bwrap_usual[@]}" /bin/true)" \
    "bubblewrap, the same mounts" "$(quoted "${bwrap_same[@]}" /bin/true)" \
    "bare C program, the same mounts" "$(quoted "$bare" /bin/true)"
