/*
 * Status files of processes that are no more: one that was killed, left by a
 * system call of its own or became a program without us could not remove its
 * file. A server that ends its children so would fill the directory, which may
 * be memory, so now and then a new process looks through it.
 */
#pragma once

#include "lks.h"

/* Of the children of one process, one of so many looks; of programs that start,
 * one of so many by its pid. What is left lying is that many files, about. */
#define LKS_SWEEP_CHILDREN 64
#define LKS_SWEEP_STARTS 16

/* Entries looked at in one go, at about 0.3 us each: more than there are
 * processes on most hosts. */
#define LKS_SWEEP_ENTRIES 4096

/* BOOT, or FORK in the child: no other thread may be in here. Removes from
 * `directory`, which must be our own (dirs.h), the files of this pid namespace
 * whose process is gone. Another namespace's can't be told. */
void lks_sweep(const char *directory);
