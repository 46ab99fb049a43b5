#!/usr/bin/env bash
# How long a start takes in each mode of the network, against no network at all, and how fast one
# large transfer is, against none at all in between.
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
need ip iproute2
become_user "$@"

quoted() { printf '%q ' "$@"; }
start() { quoted "$jail" run -q "$@" -- /bin/true; }
modes=(
    "\`none\`" "$(start)"
    "\`host\`" "$(start --network host)"
    "\`allow\`, two names" "$(start --network allow --allow a.example:443 --allow b.example:80)"
    "\`none\` with a published port" "$(start -p 18080:80)"
)
carry=(allow)
# It wants a way to the outside.
if "$jail" run -q --network nat -- /bin/true 2>/dev/null; then
    modes+=("\`nat\`" "$(start --network nat)")
    carry+=(nat)
fi
in_turns 4 40 "${modes[@]}"

cat <<TEXT

One transfer of 1 GiB, from a server on the same machine (\`down\`) and to it (\`up\`), against one connection over the loopback
interface.

TEXT
unshare -Urmnpf --mount-proc --kill-child \
    python3 "$JAIL_BENCH_DIR/transfer.py" "$jail" 7 "${carry[@]}"
