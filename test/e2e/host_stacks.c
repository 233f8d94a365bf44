/*
 * stacks N: a live block of 32 bytes from each of N distinct call stacks, which
 * are the paths of a binary tree; then it prints "ready" and waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LEVELS 20

typedef void walker(unsigned path, int level);

static walker left, right;
static volatile unsigned sum; /* no call is a tail call */

static void
walk(unsigned path, int level)
{
	if (level == LEVELS) {
		char *p = malloc(32);

		if (p)
			*p = 1;
		return;
	}
	(path >> level & 1 ? right : left)(path, level + 1);
}

static __attribute__((noinline)) void
left(unsigned path, int level)
{
	walk(path, level);
	sum++;
}

static __attribute__((noinline)) void
right(unsigned path, int level)
{
	walk(path, level);
	sum += 2;
}

int
main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1;

	for (unsigned i = 0; i < count; i++)
		walk(i, 0);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
