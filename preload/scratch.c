#include "scratch.h"

#include <string.h>

#include "arena.h"
#include "lock.h"

struct part {
	void *start;
	size_t bytes;
};

static struct lks_lock lock;
static struct part parts[LKS_SCRATCH_PARTS]; /* guard: lock; NULL = free */
static bool fork_holds;                      /* guard: lock, when true */

void *
lks_scratch_map(size_t bytes)
{
	void *start = NULL;

	if (!lks_lock_take(&lock, LKS_RANK_SCRATCH))
		return NULL;
	for (uint32_t i = 0; i < LKS_SCRATCH_PARTS; i++) {
		if (parts[i].start != NULL)
			continue;
		start = lks_arena_map_beyond_cap(bytes);
		parts[i] = (struct part){ start, bytes };
		break;
	}
	lks_lock_drop(&lock);
	return start;
}

static void
release(struct part *p)
{
	lks_arena_release(p->start, p->bytes);
	p->start = NULL;
}

void
lks_scratch_drop(void *start)
{
	if (start == NULL || !lks_lock_take(&lock, LKS_RANK_SCRATCH))
		return; /* given back with the rest */
	for (uint32_t i = 0; i < LKS_SCRATCH_PARTS; i++)
		if (parts[i].start == start)
			release(&parts[i]);
	lks_lock_drop(&lock);
}

void *
lks_scratch_grow(void *part, size_t bytes, size_t more_bytes)
{
	void *larger = lks_scratch_map(more_bytes);

	if (larger != NULL && part != NULL) {
		memcpy(larger, part, bytes);
		lks_scratch_drop(part);
	}
	return larger;
}

void
lks_scratch_clear(void)
{
	if (!lks_lock_take(&lock, LKS_RANK_SCRATCH))
		return; /* the next snapshot does */
	for (uint32_t i = 0; i < LKS_SCRATCH_PARTS; i++)
		if (parts[i].start != NULL)
			release(&parts[i]);
	lks_lock_drop(&lock);
}

void
lks_scratch_recover(void)
{
	lks_lock_init(&lock);
	lks_scratch_clear();
}

void
lks_scratch_fork_prepare(void)
{
	fork_holds = lks_lock_take(&lock, LKS_RANK_SCRATCH);
}

void
lks_scratch_fork_parent(void)
{
	if (fork_holds)
		lks_lock_drop(&lock);
	fork_holds = false;
}

void
lks_scratch_fork_child(void)
{
	fork_holds = false;
	lks_scratch_recover();
}
