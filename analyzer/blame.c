#include "blame.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "blame_rules.h"
#include "blame_rust.h"
#include "err.h"
#include "patterns.h"
#include "xalloc.h"

struct blame {
	struct patterns skips;
};

struct blame *
blame_new(void)
{
	return xcalloc(1, sizeof(struct blame));
}

void
blame_free(struct blame *blame)
{
	if (!blame)
		return;
	patterns_release(&blame->skips);
	free(blame);
}

int
blame_skip(struct blame *blame, const char *regex, struct err *err)
{
	return patterns_add(&blame->skips, regex, err);
}

static size_t
cut(const struct blame_frame *frames, size_t count,
    bool (*is_cut)(const struct blame_frame *))
{
	size_t i = 0;

	while (i + 1 < count && is_cut(&frames[i]))
		i++;
	return i;
}

/* The innermost frame from `from` on that no rule skips, else the last. */
static size_t
first_to_blame(const struct blame *blame, const struct blame_frame *frames,
	       size_t count, size_t from,
	       bool (*is_wrapper)(const struct blame_frame *))
{
	size_t i = from;

	while (i + 1 < count &&
	       (is_wrapper(&frames[i]) ||
		patterns_match(&blame->skips, frames[i].function)))
		i++;
	return i;
}

/* A thread's creation allocates too (its stack, its descriptor): those blocks
 * belong to who wanted the thread. */
static bool
is_heap_wrapper(const struct blame_frame *frame)
{
	return blame_rule_allocates(frame) || blame_rule_starts_thread(frame);
}

size_t
blame_cut(const struct blame *blame, const struct blame_frame *frames,
	  size_t count)
{
	(void)blame; /* --skip moves the blame, it never hides a frame */
	return cut(frames, count, blame_rule_is_allocator);
}

static bool
is_rust_wrapper(const struct blame_frame *frame)
{
	return is_heap_wrapper(frame) || blame_rust_is_library(frame);
}

/*
 * Rust's iterators, options and formatters allocate for their callers as the
 * containers do. But if nothing of the program is left before the frames that
 * call it, its function was inlined into one of those: false.
 */
static bool
blame_rust(const struct blame *blame, const struct blame_frame *frames,
	   size_t count, size_t from, size_t *out)
{
	size_t i;

	if (!count || !blame_rust_is_allocator(&frames[from]))
		return false;
	*out = first_to_blame(blame, frames, count, from, is_rust_wrapper);
	for (i = from; i <= *out; i++) {
		if (blame_rust_calls_program(&frames[i]))
			return false;
	}
	return !is_rust_wrapper(&frames[*out]);
}

size_t
blame_heap(const struct blame *blame, const struct blame_frame *frames,
	   size_t count)
{
	size_t from = blame_cut(blame, frames, count);
	size_t found;

	if (blame_rust(blame, frames, count, from, &found))
		return found;
	return first_to_blame(blame, frames, count, from, is_heap_wrapper);
}

size_t
blame_thread_cut(const struct blame *blame, const struct blame_frame *frames,
		 size_t count)
{
	(void)blame;
	return cut(frames, count, blame_rule_is_thread_library);
}

static bool
is_thread_wrapper(const struct blame_frame *frame)
{
	return blame_rule_starts_thread(frame) ||
	       blame_rule_is_go_runtime(frame);
}

size_t
blame_thread(const struct blame *blame, const struct blame_frame *frames,
	     size_t count)
{
	size_t from = blame_thread_cut(blame, frames, count);

	return first_to_blame(blame, frames, count, from, is_thread_wrapper);
}
