/*
 * bench_fill STEP-THOUSANDS STEPS STACKS OWN: allocates STEP blocks of 32 bytes
 * at a time, by STACKS distinct stacks in turn with OWN frames of their own, keeps
 * them, and prints after each step `BLOCKS RSS-BYTES`: what the kernel counts.
 */
#include <unistd.h>

#include "bench_branches.h"

static long
resident(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kib = -1;

	while (file && kib < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "Rss: %ld kB", &kib) != 1)
			kib = -1;
	if (file)
		fclose(file);
	return kib * 1024;
}

int
main(int argc, char **argv)
{
	long step = work_argument(argc, argv, 1) * 1000;
	long steps = work_argument(argc, argv, 2);
	uint32_t stacks = (uint32_t)work_argument(argc, argv, 3);

	branch_own = (int)work_argument(argc, argv, 4);

	for (long i = 0; i < step * steps; i++) {
		char *p = branch_alloc((uint32_t)i % stacks, 32);

		if (!p)
			return 1;
		*p = 1;
		if ((i + 1) % step == 0) {
			printf("%ld %ld\n", i + 1, resident());
			fflush(stdout);
		}
	}
	return 0;
}
