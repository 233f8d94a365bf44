/*
 * bench_unwinders THOUSANDS: prints `NAME NS` for each of the shim's unwinders,
 * nanoseconds per frame of a warm walk: what 50 frames more cost, divided by
 * 50. Linked with the shim's own objects, but for those that interpose.
 *
 * Built with frame pointers, which the other two do not use.
 */
#include <time.h>

#include "../../preload/modmap.h"
#include "../../preload/tls.h"
#include "../../preload/unwind.h"
#include "bench_descend.h"
#include "work.h"

#define SHALLOW 10
#define DEEP 60
#define CAP 128

typedef struct lks_walk backend(const struct lks_regs *,
				const struct lks_bounds *, uint64_t *,
				uint32_t);

struct measured {
	backend *walk;
	long count;
	double ns; /* a walk */
	uint32_t frames;
};

static struct lks_bounds bounds;

/* Stands for an interposed function, hence its own frame. */
static __attribute__((noinline)) void
walk_often(void *argument)
{
	struct lks_regs regs = LKS_REGS_OF_CALLER();
	struct measured *it = argument;
	struct timespec begin, end;
	uint64_t code[CAP];

	for (int i = 0; i < 100; i++)
		it->walk(&regs, &bounds, code, CAP);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < it->count; i++)
		it->frames = it->walk(&regs, &bounds, code, CAP).count;
	clock_gettime(CLOCK_MONOTONIC, &end);
	it->ns = ((double)(end.tv_sec - begin.tv_sec) * 1e9 +
		  (double)(end.tv_nsec - begin.tv_nsec)) /
		 (double)it->count;
}

/* A walk that did not see the frames would be a fast one. */
static int
report(const char *name, backend *walk, long count)
{
	struct measured deep = { .walk = walk, .count = count };
	struct measured shallow = deep;

	descend(DEEP, walk_often, &deep);
	descend(SHALLOW, walk_often, &shallow);
	if (deep.frames - shallow.frames != DEEP - SHALLOW) {
		fprintf(stderr, "bench_unwinders: %s saw %u and %u frames\n",
			name, deep.frames, shallow.frames);
		return 1;
	}
	printf("%s %.2f\n", name, (deep.ns - shallow.ns) / (DEEP - SHALLOW));
	return 0;
}

int
main(int argc, char **argv)
{
	long count = work_argument(argc, argv, 1) * 1000;
	pthread_attr_t attr;
	void *low;
	size_t bytes;
	int failed = 0;

	if (pthread_getattr_np(pthread_self(), &attr) ||
	    pthread_attr_getstack(&attr, &low, &bytes) || !lks_modmap_init() ||
	    lks_unwind_init(LKS_UNWIND_CFI) != LKS_UNWIND_CFI)
		return 1;
	pthread_attr_destroy(&attr);
	bounds.lo = (uintptr_t)low;
	bounds.hi = bounds.lo + bytes;
	failed |= report("cfi", lks_unwind_cfi, count);
	failed |= report("fp", lks_unwind_fp, count);
	if (lks_unwind_libunwind_open())
		failed |= report("libunwind", lks_unwind_libunwind,
				 count / 20 + 1); /* it takes so long */
	else
		fputs("bench_unwinders: there is no libunwind.so.8\n", stderr);
	return failed;
}
