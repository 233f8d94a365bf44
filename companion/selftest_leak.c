#include "selftest_leak.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "selftest.h"

/* No asker waits longer. */
#define LIFE_S 120

/* More than the function's code has. */
#define FUNCTION_BYTES 256

/* What is stored there may be looked at, so no malloc can be left out. */
static void *volatile sink;

void selftest_leak_blocks(unsigned int count);

/* Not static, so that its name is in the file's symbols in any build. */
__attribute__((noinline)) void
selftest_leak_blocks(unsigned int count)
{
	while (count--)
		sink = malloc(SELFTEST_BYTES);
}

/* The first of the list is the program itself. */
static int
take_bias(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(uint64_t *)arg = info->dlpi_addr;
	return 1;
}

bool
selftest_leak_is_at(uint64_t vaddr)
{
	uint64_t bias = 0, start;

	dl_iterate_phdr(take_bias, &bias);
	start = (uint64_t)(uintptr_t)selftest_leak_blocks - bias;
	return vaddr > start && vaddr <= start + FUNCTION_BYTES;
}

/* False at the end of input. */
static bool
await(void)
{
	ssize_t count;
	char byte;

	do {
		count = read(STDIN_FILENO, &byte, 1);
	} while (count < 0 && errno == EINTR);
	return count == 1;
}

int
selftest_leak(void)
{
	static const unsigned int counts[] = { SELFTEST_FIRST,
					       SELFTEST_SECOND };
	size_t i = 0;

	/* It must not outlive who asks it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(LIFE_S);
	while (await()) {
		if (i < sizeof(counts) / sizeof(counts[0]))
			selftest_leak_blocks(counts[i++]);
		if (write(STDOUT_FILENO, ".", 1) != 1)
			return 1;
	}
	return 0;
}
