/*
 * A program that changes its memory as its standard input says, one command a
 * line, and says "done" and the command when it has:
 *
 *	heap BYTES   grows the heap by brk and writes to it
 *	grow BYTES   grows anonymous memory and writes to it
 *	map          a mapping at a place where nothing is near
 *	split        makes the middle of that one unreadable
 *	unmap        the whole of it
 *	many N       N mappings
 *	open N       N descriptors
 *	share N      N children that share all its pages and do nothing
 *
 * It ends at the end of its input.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAGE 4096
#define PLACE ((char *)0x200000000000)
#define PLACE_BYTES (16 * PAGE)

static void *
map(void *place, size_t bytes, int protection)
{
	void *at = mmap(place, bytes, protection,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || (place && at != place)) {
		perror("mmap");
		_exit(99);
	}
	return at;
}

/* Neighbours of other permissions don't merge. */
static void
map_many(size_t count)
{
	char *at = map(NULL, count * PAGE, PROT_READ);
	size_t i;

	for (i = 0; i < count; i += 2)
		if (mprotect(at + i * PAGE, PAGE, PROT_NONE) < 0)
			_exit(98);
}

static void
share(size_t count)
{
	for (; count; count--) {
		if (fork() != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

int
main(void)
{
	char command[16], line[64];
	size_t amount;
	int count;

	while (fgets(line, sizeof(line), stdin)) {
		amount = 0;
		count = sscanf(line, "%15s %zu", command, &amount);
		if (count < 1)
			continue;
		if (!strcmp(command, "heap"))
			memset(sbrk((long)amount), 1, amount);
		else if (!strcmp(command, "grow"))
			memset(map(NULL, amount, PROT_READ | PROT_WRITE), 1,
			       amount);
		else if (!strcmp(command, "map"))
			map(PLACE, PLACE_BYTES, PROT_READ);
		else if (!strcmp(command, "split"))
			mprotect(PLACE + 4 * PAGE, PAGE, PROT_NONE);
		else if (!strcmp(command, "unmap"))
			munmap(PLACE, PLACE_BYTES);
		else if (!strcmp(command, "many"))
			map_many(amount);
		else if (!strcmp(command, "share"))
			share(amount);
		for (; !strcmp(command, "open") && amount; amount--)
			if (open("/dev/null", O_RDONLY) < 0)
				_exit(97);
		printf("done %s", line);
		fflush(stdout);
	}
	return 0;
}
