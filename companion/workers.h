/*
 * Threads that do pieces of work which may block: made when there is work and
 * none is idle, at most so many, ended when there was none for a while.
 */
#pragma once

#include <stdbool.h>

struct workers;

struct workers *workers_new(unsigned int most)
	__attribute__((warn_unused_result));

/* Has `run` called with `arg` by one of them. False: all are busy, no thread
 * can be made, or it is ending. */
bool workers_give(struct workers *workers, void (*run)(void *arg), void *arg)
	__attribute__((warn_unused_result));

/* Waits until all that was given is done. NULL is allowed. */
void workers_free(struct workers *workers);
