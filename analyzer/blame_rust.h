/*
 * The names of Rust's own libraries: the crates core, alloc and std, and the
 * hash tables of std. blame_rules.h has the rest of the knowledge; blame.c
 * walks the stacks.
 */
#pragma once

#include <stdbool.h>

#include "blame.h"

/* Any function of the crates of the allocator and the containers, but those
 * that call back: a program's closure may be inlined there. */
bool blame_rust_is_container(const char *name);

/* The allocator, or a container: what is innermost in a stack that allocated
 * for Rust code. */
bool blame_rust_is_allocator(const struct blame_frame *frame);

/* Any function of those libraries: of no interest between the allocator and
 * the program. */
bool blame_rust_is_library(const struct blame_frame *frame);

/* Where the library calls the program (main, a thread, catch_unwind): what is
 * outward of it allocated nothing here. */
bool blame_rust_calls_program(const struct blame_frame *frame);
