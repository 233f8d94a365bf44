/*
 * What the program of the self-test leaks, and where.
 */
#pragma once

#include <stdint.h>

/* Blocks of its first request and of the second. Odd sizes: nothing else in
 * the program is likely to allocate as much by chance. */
#define SELFTEST_FIRST 257
#define SELFTEST_SECOND 129
#define SELFTEST_BYTES 1237

/* The function that leaks: its name, and whether it is at `vaddr` of this
 * program's file, for a program that was stripped of names. */
#define SELFTEST_FUNCTION "selftest_leak_blocks"
_Bool selftest_leak_is_at(uint64_t vaddr);
