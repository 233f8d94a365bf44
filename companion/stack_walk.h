/*
 * Call stacks from copies: of a thread's registers, and of the top of its stack,
 * which the kernel took while it ran. libdwfl unwinds them by what the files of
 * the process say (.eh_frame), so that the process is neither stopped nor read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../analyzer/err.h"
#include "perf_ring.h"
#include "procfs.h"

struct stack_walk;

/* The registers that it wants, as perf_event_open(2) numbers them; 0: nobody
 * taught it this processor's. */
uint64_t stack_walk_registers(void);

/*
 * For a process with these mappings, as live_add_mappings() has them, which has
 * to be there still: its files are opened now, so that what is sampled as it
 * ends has its stack too. `proc` is borrowed. NULL with `err`.
 */
struct stack_walk *stack_walk_open(const struct procfs *proc, const char *maps,
				   struct err *err)
	__attribute__((warn_unused_result));
void stack_walk_close(struct stack_walk *walk); /* NULL is allowed */

/* The mappings are others by now. */
void stack_walk_renew(struct stack_walk *walk, const char *maps);

/*
 * Return addresses, innermost first, as live.h has them. Returns how many, at
 * most `max`. *cut: the stack goes on beyond what was copied, or beyond `max`.
 */
size_t stack_walk_sample(struct stack_walk *walk,
			 const struct perf_record *sample, uint64_t *code,
			 size_t max, bool *cut);
