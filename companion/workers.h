/*
 * Threads that do pieces of work which may block: made when there is work and
 * none is idle, at most so many, ended when there was none for a while.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workers;

struct workers *workers_new(unsigned int most)
	__attribute__((warn_unused_result));

/* Has `run` called with `arg` by one of them. False: all are busy, no thread
 * can be made, or it is ending. */
bool workers_give(struct workers *workers, void (*run)(void *arg), void *arg)
	__attribute__((warn_unused_result));

/*
 * Has `run` called with each of `args`, all at once, and waits for them together,
 * at most `wait_ns`. done[i] tells of each: what is done is the caller's again,
 * and `drop` is called with what is not, by its worker when `run` has returned,
 * or here if there was none for it. Returns how many are done.
 */
size_t workers_all(struct workers *workers, void (*run)(void *arg),
		   void (*drop)(void *arg), void *const *args, bool *done,
		   size_t count, uint64_t wait_ns);

/* Waits until all that was given is done, and takes no more. */
void workers_end(struct workers *workers);
/* The same, if it was not done, and frees them: nobody may give any more. NULL is
 * allowed. */
void workers_free(struct workers *workers);
