#include "marks.h"

#include <string.h>

#include "counters.h"
#include "lock.h"
#include "sys.h"

static struct lks_lock lock;
static struct lks_mark marks[LKS_MARKS_MAX]; /* guard: lock; a ring */
static uint64_t added;                       /* guard: lock; ever */

/* How much of a text fits, without half a character at its end. */
static uint32_t
cut(const char *text, size_t length)
{
	if (length < LKS_MARK_BYTES)
		return (uint32_t)length;
	length = LKS_MARK_BYTES - 1;
	/* A continuation byte would be the first to go: so must its start. */
	for (int i = 0; i < 3 && ((unsigned char)text[length] & 0xc0) == 0x80;
	     i++)
		length--;
	return (uint32_t)length;
}

bool
lks_marks_add(const char *text, size_t length)
{
	struct lks_mark *mark;

	/* Held by the very thread, if this is a handler that interrupted it
	 * here: then it gives up too. */
	if (!lks_lock_take(&lock, LKS_RANK_MARKS)) {
		lks_count(marks_lost);
		return false;
	}
	if (added >= LKS_MARKS_MAX)
		lks_count(marks_lost);
	mark = &marks[added++ % LKS_MARKS_MAX];
	mark->length = cut(text, length);
	memcpy(mark->text, text, mark->length);
	/* Under the lock, so that the list is in the order of time. */
	mark->wall_ns = lks_clock_ns(CLOCK_REALTIME);
	mark->monotonic_ns = lks_clock_ns(CLOCK_MONOTONIC);
	lks_lock_drop(&lock);
	return true;
}

uint32_t
lks_marks_copy(struct lks_mark *out)
{
	uint32_t count;
	uint64_t first;

	if (!lks_lock_take(&lock, LKS_RANK_MARKS))
		return 0;
	count = added < LKS_MARKS_MAX ? (uint32_t)added : LKS_MARKS_MAX;
	first = added - count;
	for (uint32_t i = 0; i < count; i++)
		out[i] = marks[(first + i) % LKS_MARKS_MAX];
	lks_lock_drop(&lock);
	return count;
}

void
lks_marks_fork_child(void)
{
	added = 0;
	lks_lock_init(&lock);
}
