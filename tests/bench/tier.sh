#!/usr/bin/env bash
# How long a start takes without namespaces (`--degrade namespaces`), against one with them. A filter
# forbids user namespaces there, as that of a container does.
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
become_user "$@"

quoted() { printf '%q ' "$@"; }
if "$forbid" "$jail" run -q -- /bin/true 2>/dev/null; then
    echo "$0: jail ran with namespaces where they are forbidden" >&2
    exit 1
fi
in_turns 6 60 \
    "jail run --degrade namespaces" "$(quoted "$forbid" "$jail" run -q --degrade namespaces -- /bin/true)" \
    "jail run" "$(quoted "$jail" run -q -- /bin/true)" \
    "no sandbox" "$(quoted "$forbid" /bin/true)"
