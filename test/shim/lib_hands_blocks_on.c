/* An allocator, preloaded behind the shim, in which a freed or moved block is
 * another thread's before the call returns: what the C library does in a
 * moment that no test could wait for. */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

void *__libc_malloc(size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);
void *malloc(size_t size);
void *realloc(void *p, size_t size);
void free(void *p);
void hand_on(void *p);
void took_it(void);

#define SIZE_TO_TAKE 777 /* whoever asks for as much waits for a block */
#define TRIES 20000      /* of a millisecond: never for ever */

static void *_Atomic marked;
static void *_Atomic given;
static _Atomic int taken;

static void
pause_a_little(void)
{
	const struct timespec pause = { 0, 1000000 };

	nanosleep(&pause, NULL);
}

/* The block that the next free or realloc of it hands on. */
void
hand_on(void *p)
{
	taken = 0;
	marked = p;
}

void
took_it(void)
{
	taken = 1;
}

static void
give(void *p)
{
	marked = NULL;
	given = p;
	for (int i = 0; !taken && i < TRIES; i++)
		pause_a_little();
}

void *
malloc(size_t size)
{
	void *p = NULL;

	if (size != SIZE_TO_TAKE)
		return __libc_malloc(size);
	for (int i = 0; p == NULL && i < TRIES; i++) {
		p = atomic_exchange(&given, NULL);
		if (p == NULL)
			pause_a_little();
	}
	return p;
}

void
free(void *p)
{
	if (p != NULL && p == marked)
		give(p);
	else
		__libc_free(p);
}

void *
realloc(void *p, size_t size)
{
	void *q;

	if (p == NULL || p != marked)
		return __libc_realloc(p, size);
	q = __libc_malloc(size);
	memcpy(q, p, SIZE_TO_TAKE);
	give(p);
	return q;
}
