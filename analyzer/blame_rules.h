/*
 * The built-in knowledge behind blame.h: which names allocate, which only
 * allocate for their caller, and which start threads. Tables and the matching
 * of one frame; blame.c walks the stacks.
 */
#pragma once

#include <stdbool.h>

#include "blame.h"

/* The shim, malloc and its kin, and whatever is in an allocator library. */
bool blame_rule_is_allocator(const struct blame_frame *frame);

/*
 * A function that allocates on behalf of its caller. Besides the obvious
 * (operator new, strdup, zmalloc), these are the containers, strings and
 * smart pointers of C++ and Rust: when a vector grows, the news is in whose
 * vector it is. What calls back into user code (std::function, std::thread's
 * run, algorithms) is not among them: the user's function may be inlined
 * there. Nor are nameless functions of the C and C++ libraries and of libffi
 * of any use.
 */
bool blame_rule_allocates(const struct blame_frame *frame);

/* The shim and the thread library's own entry points. */
bool blame_rule_is_thread_library(const struct blame_frame *frame);

/* A function that starts a thread for its caller. */
bool blame_rule_starts_thread(const struct blame_frame *frame);

/* Where goroutines wait and Go's threads begin: of interest is who wanted
 * that. */
bool blame_rule_is_go_runtime(const struct blame_frame *frame);
