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
cat <<TEXT

## Network

A start in each mode; \`none\` divided by it. \`nat\` waits for pasta, which takes most of that time.

TEXT
"$bench/network.sh"
cat <<TEXT

In mode \`allow\` each byte goes through two connections, so half of the direct speed is what can be had. In samples of the processor most of the
forwarder's time goes into waking up and into TCP, and little into copying. Transfers that broke off are pasta's: the one of
Debian 12 (2023) on Linux 6.18, of which docs/profile.md tells.

## Without namespaces

A start where user namespaces are forbidden (\`--degrade namespaces\`: Landlock and a filter alone), and one where they are not.

TEXT
"$bench/tier.sh"
printf '\n## Many starts\n\n'
"$bench/throughput.sh"
if [ -n "${JAIL_TEST_VM:-}" ]; then
    "$bench/limits.sh"
fi
"$bench/image.sh"
cat <<TEXT

The aim was 0.17 times podman's pull and umoci's unpacking, and 0.05 times podman's start; both starts have 1 ms of \`setpriv\`
and \`env\` in them.
TEXT
printf '\n## Work inside\n'
"$bench/inside.sh"
printf '\n## Memory\n\nWhile a command runs, without the command itself. The shared pages of a program that runs\nseveral times count in part.\n\n'
"$bench/memory.sh"
