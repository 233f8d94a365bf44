/*
 * The call stack of a row as people read it: symbolized, inlined functions as
 * frames of their own, without the shim's and the allocator's frames, and with
 * the frame to blame marked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "blame.h"
#include "resolver.h"
#include "row.h"

struct stack_frame {
	const struct symbol *symbol; /* owned by the symbolizer */
	const struct module *module; /* owned by the model; path "" = none */
	bool inlined;                /* into the next frame */
	bool named;                  /* false: `function` is a place only */
};

/* `{ 0 }` is one that was never filled. Filled again and again, so that rows
 * cost no allocation. */
struct stack {
	struct stack_frame *frames; /* innermost first; count >= 1 */
	size_t count;
	size_t blamed;  /* index */
	bool truncated; /* outer frames are missing */
	bool unasked;   /* no names were asked for */
	size_t capacity;
	struct blame_frame *names; /* scratch, as large as frames */
	size_t names_capacity;
};

/* Fills `stack` for a heap or thread row. A row whose stack is not known gets
 * one frame that says so. Valid until the next call, the atlas's end or the
 * symbolizer's. */
void stack_resolve(struct stack *stack, struct resolver *resolver,
		   const struct row *row);
/* The same for a node of the atlas's model; flags are enum site_flag. */
void stack_resolve_node(struct stack *stack, struct resolver *resolver,
			enum row_kind kind, struct node_id node,
			uint32_t flags);
void stack_release(struct stack *stack);

/* What of a stack is left from its blamed frame outward, for formats of code
 * addresses: an inlined function has none of its own. */
struct stack_extent {
	size_t addresses; /* so many outermost ones */
	size_t lines;     /* so many outer ones of the innermost of them */
};
struct stack_extent stack_from_blamed(const struct stack *stack);
