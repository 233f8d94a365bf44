/*
 * The depot: every call stack once, as a path in one call tree.
 *
 * A node is (parent node, code address); a stack is its innermost node plus
 * whether outer frames are missing. So who knows a frame's node has only the
 * frames inside of it to look up. Append-only and lock-free: numbers are
 * never reused, a published record never changes, so readers need no lock.
 * Two threads that intern the same new frame at once may waste a number: the
 * loser's 20 bytes stay unused. That is the only race tolerated here.
 *
 * At LKS_STACKS_MAX, LKS_NODES_MAX or the memory cap, new stacks all become
 * the overflow stack (lks_depot_overflow), and each such allocation counts in
 * depot_overflows.
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"

/* BOOT. False: no memory. */
bool lks_depot_init(void);

/*
 * RECORD. The node of a frame with the code address, below its caller's node
 * (0: outermost). 0: no room.
 */
uint32_t lks_depot_child(uint32_t parent, uint64_t code);

/* RECORD. The stack whose innermost node is `node`. Never 0: the overflow
 * stack for node 0, and when there is no room. `truncated` is part of
 * identity. */
struct lks_stack lks_depot_stack(uint32_t node, bool truncated);

/* RECORD. The stack of `count` >= 1 code addresses, innermost first: a child
 * for each, and the stack of the last. */
struct lks_stack lks_depot_intern(const uint64_t *code, uint32_t count,
				  bool truncated);

/* The stack that collects what found no room; it has no frames. */
#define LKS_OVERFLOW_STACK 1u

static inline struct lks_stack
lks_depot_overflow(void)
{
	return (struct lks_stack){ LKS_OVERFLOW_STACK };
}

/* Lock-free. Numbers in use: stacks 1 .. n, nodes 1 .. n. A number that
 * was wasted in a race, or is just being written, is in use too: its getter
 * returns false. */
uint32_t lks_depot_stack_count(void);
uint32_t lks_depot_node_count(void);

struct lks_depot_stack {
	uint32_t node; /* innermost; 0 for the overflow stack */
	bool truncated;
	bool overflow;
};

struct lks_depot_node {
	uint32_t parent; /* < own number; 0 = outermost */
	uint64_t code;
};

/* WRITER. Record by number; false: unused number. */
bool lks_depot_get_stack(struct lks_stack stack, struct lks_depot_stack *out);
bool lks_depot_get_node(uint32_t node, struct lks_depot_node *out);
