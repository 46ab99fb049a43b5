#!/usr/bin/env bash
# Makes docs/PERFORMANCE.md:   tests/bench/all.sh >docs/PERFORMANCE.md   (as root, for memory)
#
#     JAIL_TEST_VM=PATH      measures limits too, in a virtual machine: see tests/run.sh
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
need xargs findutils
need make make
if [ "$(id -u)" != 0 ]; then
    echo "$0: start this as root; all that is measured runs as an ordinary user" >&2
    exit 1
fi

cat <<TEXT
# Performance

Made by \`tests/bench/all.sh\` on Linux $(uname -r | cut -d. -f1-2), $(nproc) processors,
$("$(find_jail)" --version), $(bwrap --version). Look at the ratios: all rows of a table
were measured in turns, so they hold on other machines, and the milliseconds do not.

## Start

\`/bin/true\`, from nothing to its exit status. jail has all its protections on: seven namespaces, a
system call filter, a Landlock ruleset, no capabilities. bubblewrap has no filter and no ruleset. The
bare C program (\`tests/bench/bare.c\`) makes the same namespaces and mounts and nothing else: it
is what the kernel costs.

TEXT
"$bench/start.sh"
cat <<TEXT

What jail takes longer than the bare program: in samples of the processor about half of it goes into reading flags and
profiles, looking at the paths that they name and drawing the plan; a quarter goes when the filter and Landlock
are switched off. The rest was not measured apart. The aim of 1.3 times the bare program is not reached.
TEXT
printf '\n## Network\n\nA start in each mode. The budget of `allow` is 1.6 times `none`.\n\n'
"$bench/network.sh"
printf '\n## Many starts\n\n'
"$bench/throughput.sh"
if [ -n "${JAIL_TEST_VM:-}" ]; then
    "$bench/limits.sh"
fi
"$bench/image.sh"
printf '\n## Work inside\n'
"$bench/inside.sh"
printf '\n## Memory\n\nWhile a command runs, without the command itself. The shared pages of a program that runs\nseveral times count in part.\n\n'
"$bench/memory.sh"
