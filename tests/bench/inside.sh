#!/usr/bin/env bash
# What work costs inside against outside: system calls, opening files, a compile.
bench=$(cd "$(dirname "$0")" && pwd)
source "$bench/setup.sh"
need make make
become_user "$@"

files=24

# A small C program of many files, and a makefile that builds all of it anew.
generate() {
    local number
    mkdir -p sources
    for ((number = 0; number < files; number++)); do
        cat >"sources/part$number.c" <<C
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int part$number(int n) {
    int *numbers = malloc(n * sizeof *numbers);
    for (int i = 0; i < n; i++) numbers[i] = (i * 7919 + $number) % 1000;
    qsort(numbers, n, sizeof *numbers, compare);
    char text[64];
    snprintf(text, sizeof text, "%d %f", numbers[n / 2], sqrt(n));
    int length = strlen(text);
    free(numbers);
    return length;
}
C
    done
    cat >sources/makefile <<'MAKE'
objects := $(patsubst %.c,%.o,$(wildcard *.c))
parts.a: $(objects) ; ar crs $@ $^
%.o: %.c ; gcc -O2 -c -o $@ $<
MAKE
}

# One measurement: the same command outside and inside.
against_outside() {
    local rounds=$1 runs=$2 title=$3
    shift 3
    local command
    command=$(printf '%q ' "$@")
    echo
    echo "$title: \`$*\`"
    echo
    in_turns "$rounds" "$runs" inside "$(printf '%q ' "$jail" run -q --)$command" outside "$command"
}

generate
against_outside 4 4 "System calls" dd if=/dev/zero of=/dev/null bs=1 count=1000000 status=none
against_outside 4 4 "Opening files" grep -rc include /usr/include
against_outside 4 2 "A compile" make -s -B -j2 -C sources
rm -r sources
