#!/usr/bin/env bash
# What limits cost, in a virtual machine that has cgroups for its users.
#
#     JAIL_TEST_VM=PATH      a program that runs a command in one: see tests/run.sh
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"

share=$(mktemp -d /var/tmp/jail-bench.XXXXXX)
trap 'rm -rf "$share"' EXIT
chmod 755 "$share"
install -m 755 "$(find_jail)" "$share/jail"
install -m 644 "$bench/limits.py" "$bench/table.py" "$share"

cat <<TEXT

## Limits

\`/bin/true\` with limits of memory, processors and processes, against the same without, in a virtual machine without
hardware support: everything takes many times as long there, so only the ratios count.

Below a cgroup of the caller's own:

TEXT
"$JAIL_TEST_VM" --debian --share "$share" -- python3 /share/limits.py /share/jail 100
cat <<TEXT

In a scope of the user's systemd, which is asked for one at each start:

TEXT
"$JAIL_TEST_VM" --systemd --share "$share" -- python3 /share/limits.py /share/jail 40
