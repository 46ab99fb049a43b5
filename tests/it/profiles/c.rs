//! `c`: make, cmake, the leak checker, a debugger, and the cache of ccache.

use super::{outside, project, sh};
use crate::require;
use crate::support::{Feature, Jail};

fn program() -> Jail {
    project("c")
        .file("sum.c", "int sum(int a, int b) { return a + b; }\n")
        .file(
            "main.c",
            "#include <stdio.h>\nint sum(int, int);\n\
             int main(void) { printf(\"%d\\n\", sum(40, 2)); return 0; }\n",
        )
        .file("Makefile", "check: program\n\t[ \"$$(./program)\" = 42 ]\nprogram: main.o sum.o\n\t$(CC) -o $@ $^\n")
        .file(
            "CMakeLists.txt",
            "cmake_minimum_required(VERSION 3.13)\nproject(program C)\nenable_testing()\n\
             add_executable(program main.c sum.c)\nadd_test(NAME runs COMMAND program)\n",
        )
}

#[test]
fn make_and_cmake_build_and_test() {
    require!(Feature::Program("gcc"));
    require!(Feature::Program("make"));
    require!(Feature::Program("cmake"));
    let jail = program();
    sh(&jail, "make -j 2 check").succeeds();
    sh(&jail, "cmake -S . -B build && cmake --build build -j 2 && ctest --test-dir build")
        .output_has("100% tests passed");
}

/// It stops the program by ptrace(2), as a debugger does.
#[test]
fn the_leak_checker_finds_a_leak() {
    require!(Feature::Program("gcc"));
    require!(Feature::Tracing);
    let leak = "#include <stdlib.h>\nint main(void) { *(volatile char *)malloc(7) = 1; }\n";
    let jail = project("c").file("leak.c", leak);
    sh(&jail, "gcc -fsanitize=address -o leak leak.c").succeeds();
    jail.run(["./leak"]).fails().says("7 byte(s) leaked");
}

#[test]
fn a_debugger_stops_a_program() {
    require!(Feature::Program("gcc"));
    require!(Feature::Program("gdb"));
    require!(Feature::Tracing);
    let jail = program();
    sh(&jail, "gcc -g -o program main.c sum.c").succeeds();
    sh(&jail, "gdb -batch -ex 'break sum' -ex run -ex 'print a + b' program").output_has("= 42");
}

/// What ccache found and what it stored is gone after the run.
#[test]
fn ccache_uses_its_cache_and_leaves_it_as_it_was() {
    require!(Feature::Program("ccache"));
    let jail = program().home_file(".cache/ccache/CACHEDIR.TAG", "");
    outside(&jail, "ccache gcc -c sum.c").succeeds();
    let before = outside(&jail, "find ~/.cache/ccache | sort").stdout_text();
    sh(&jail, "ccache -z && ccache gcc -c sum.c && ccache gcc -c main.c && ccache -s -v")
        .output_has("Hits:                1 /    2");
    outside(&jail, "find ~/.cache/ccache | sort").outputs(&before);
}
