#!/usr/bin/env bash
# How long a start takes in each mode of the network, against no network at all.
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
become_user "$@"

quoted() { printf '%q ' "$@"; }
start() { quoted "$jail" run -q "$@" -- /bin/true; }
modes=(
    "\`none\`" "$(start)"
    "\`host\`" "$(start --network host)"
    "\`allow\`, two names" "$(start --network allow --allow a.example:443 --allow b.example:80)"
    "\`none\` with a published port" "$(start -p 18080:80)"
)
# It wants a way to the outside.
if "$jail" run -q --network nat -- /bin/true 2>/dev/null; then
    modes+=("\`nat\`" "$(start --network nat)")
fi
in_turns 4 40 "${modes[@]}"
