/*
 * Every allocation function with every odd size and alignment, what comes back
 * and what errno says. The runner compares it with a plain run's.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

#include "host.h"

static const size_t sizes[] = {
	0,
	1,
	8,
	24,
	4095,
	4096,
	(128 << 10) - 24,
	128 << 10,
	1 << 20,
	PTRDIFF_MAX - 4096,
	PTRDIFF_MAX,
	(size_t)PTRDIFF_MAX + 1,
	SIZE_MAX - 4096,
	SIZE_MAX,
};
static const size_t alignments[] = {
	0, 1, 3, 4, 8, 16, 24, 64, 4096, 1 << 20, (size_t)1 << 63, SIZE_MAX,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
tell(const char *what, size_t a, size_t b, void *p, size_t size)
{
	int error = errno;

	printf("%s %zx %zx: ", what, a, b);
	if (p == NULL) {
		printf("null, errno %d\n", error);
		return;
	}
	printf("%s%s, errno %d\n",
	       malloc_usable_size(p) >= size ? "large enough" : "too small",
	       (uintptr_t)p % 16 == 0 ? "" : ", misaligned", error);
	memset(p, 'x', size);
	free(p);
}

#define TELL(a, b, size, call)                                                 \
	do {                                                                   \
		errno = 77;                                                    \
		void *p_ = (call);                                             \
		tell(#call, a, b, p_, size);                                   \
	} while (0)

static void
resized(size_t size)
{
	char *old = malloc(100);
	char *new;

	memset(old, 'o', 100);
	errno = 77;
	new = realloc(old, size);
	printf("realloc to %zx: %s, errno %d\n", size,
	       new == NULL ? "null" : "moved or not", errno);
	if (new == NULL && size > 0) {
		CHECK(old[0] == 'o' && old[99] == 'o');
		free(old);
	} else if (new != NULL) {
		CHECK(new[0] == 'o');
		CHECK(size < 100 || new[99] == 'o');
		free(new);
	}
}

static void
of_size(size_t size)
{
	TELL(size, 0, size, malloc(size));
	TELL(size, 0, size, realloc(NULL, size));
	TELL(size, 0, size, valloc(size));
	TELL(size, 0, size, pvalloc(size));
	resized(size);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t bytes;

		if (__builtin_mul_overflow(size, sizes[i], &bytes))
			bytes = 0;
		/* What may or may not be had is no test. */
		if (bytes > (64 << 20) && bytes < PTRDIFF_MAX / 2)
			continue;
		TELL(size, sizes[i], bytes, calloc(size, sizes[i]));
		TELL(size, sizes[i], bytes, reallocarray(NULL, size, sizes[i]));
	}
}

static void
aligned(size_t alignment, size_t size)
{
	void *p = &failed;
	int error;

	TELL(alignment, size, size, memalign(alignment, size));
	TELL(alignment, size, size, aligned_alloc(alignment, size));
	errno = 77;
	error = posix_memalign(&p, alignment, size);
	printf("posix_memalign %zx %zx: %d, errno %d\n", alignment, size, error,
	       errno);
	if (error != 0) {
		CHECK(p == &failed);
		return;
	}
	CHECK((uintptr_t)p % alignment == 0);
	free(p);
}

int
main(void)
{
	/* Not the allocator's own choice of when to give memory back. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	for (size_t i = 0; i < COUNT(sizes); i++)
		of_size(sizes[i]);
	for (size_t i = 0; i < COUNT(alignments); i++)
		for (size_t j = 0; j < COUNT(sizes); j++)
			aligned(alignments[i], sizes[j]);
	errno = 77;
	free(NULL);
	printf("free of nothing: errno %d, usable %zu\n", errno,
	       malloc_usable_size(NULL));
	return failed;
}
