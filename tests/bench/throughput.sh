#!/usr/bin/env bash
# How long 200 sandboxes take, two at a time.
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
need xargs findutils
become_user "$@"

count=200
rounds=5

# Milliseconds for `count` starts of a command; a start that fails ends the measurement.
# xargs hands each start a number, which /bin/true ignores.
starts() {
    local begin=${EPOCHREALTIME/./}
    seq "$count" | xargs -P 2 -n 1 "$@"
    echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

median() { sort -n | sed -n "$(((rounds + 1) / 2))p"; }

bwrap_same_mounts
for ((round = 0; round < rounds; round++)); do
    starts "$jail" run -q -- /bin/true >>jail.times
    starts "${bwrap_usual[@]}" /bin/true >>usual.times
    starts "${bwrap_same[@]}" /bin/true >>same.times
done

ours=$(median <jail.times)
row() { python3 -c 'import sys; name, theirs, ours, count = sys.argv[1], *map(int, sys.argv[2:])
print(f"| {name} | {count * 1000 / theirs:.0f} a second | {theirs / ours:.2f} × |")' "$1" "$2" "$ours" "$count"; }
echo "| $count starts, two at a time | throughput | jail's throughput against it |"
echo "|---|---:|---:|"
row "jail run" "$ours"
row "bubblewrap, whole root" "$(median <usual.times)"
row "bubblewrap, the same mounts" "$(median <same.times)"
rm ./*.times
