/* cflags: -Wno-use-after-free */
/*
 * Each cell of the realloc table, and the calls around it. Under the shim the
 * live table must end up as the C library's heap does, which the .sh checks;
 * here the contract of pointers and errno is checked, plain and preloaded
 * alike.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x)) {                                                    \
			printf("line %d: %s\n", __LINE__, #x);                 \
			failed = 1;                                            \
		}                                                              \
	} while (0)

/* C23's, which the C library does not have yet, and the shim has. */
__attribute__((weak)) void free_sized(void *p, size_t size);
__attribute__((weak)) void free_aligned_sized(void *p, size_t alignment,
					      size_t size);

static int failed;
/* Kept out of the optimizer's sight. */
static volatile size_t huge = PTRDIFF_MAX;
static volatile size_t zero = 0;

__attribute__((noinline)) static void *
keep_after_failed_realloc(void)
{
	char *p = malloc(1000);

	memset(p, 'x', 1000);
	errno = 0;
	CHECK(realloc(p, huge) == NULL);
	CHECK(errno == ENOMEM);
	CHECK(p[999] == 'x');
	return p;
}

__attribute__((noinline)) static void *
keep_after_failed_reallocarray(void)
{
	char *p = malloc(2000);

	errno = 0;
	CHECK(reallocarray(p, huge, 16) == NULL);
	CHECK(errno == ENOMEM);
	return p;
}

__attribute__((noinline)) static void *
keep_grown(void)
{
	char *p = malloc(10);

	memcpy(p, "123456789", 10);
	p = realloc(p, 100000);
	CHECK(strcmp(p, "123456789") == 0);
	return p;
}

__attribute__((noinline)) static void *
keep_from_null(void)
{
	void *p = realloc(NULL, 3000);

	__asm__ volatile("" : "+r"(p)); /* no tail call: this frame counts */
	return p;
}

__attribute__((noinline)) static void
free_by_realloc_zero(void)
{
	void *p = malloc(4000);

	errno = 77;
	CHECK(realloc(p, zero) == NULL);
	CHECK(errno == 77);
}

__attribute__((noinline)) static void
free_of_zero_sizes(void)
{
	void *a = malloc(zero);
	void *b = calloc(zero, 10);

	CHECK(a != NULL && b != NULL && a != b);
	free(a);
	free(b);
	free(NULL);
}

__attribute__((noinline)) static void
failures_leave_nothing(void)
{
	void *p = &failed;

	errno = 0;
	CHECK(malloc(huge) == NULL && errno == ENOMEM);
	errno = 0;
	CHECK(calloc(huge, 16) == NULL && errno == ENOMEM);
	errno = 0;
	CHECK(aligned_alloc(64, huge) == NULL && errno == ENOMEM);
	errno = 5;
	CHECK(posix_memalign(&p, 3, 100) == EINVAL && errno == 5);
	CHECK(p == &failed);
	CHECK(posix_memalign(&p, 64, huge) == ENOMEM);
}

__attribute__((noinline)) static void *
keep_aligned(void)
{
	void *p = NULL;

	CHECK(posix_memalign(&p, 4096, 5000) == 0);
	CHECK(((uintptr_t)p & 4095) == 0);
	return p;
}

__attribute__((noinline)) static void
free_of_each_aligned(void)
{
	void *p[] = { memalign(64, 100), aligned_alloc(64, 128), valloc(100),
		      pvalloc(100) };

	for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
		CHECK(p[i] != NULL);
		CHECK(malloc_usable_size(p[i]) >= 100);
		free(p[i]);
	}
}

/* As allocators have crashed: the size is the one of the realloc. */
__attribute__((noinline)) static void
free_sized_after_realloc(void)
{
	char *p = realloc(malloc(100), 5000);
	char *q = realloc(aligned_alloc(64, 6400), 64);
	char *r = calloc(3, 100);

	p[4999] = 'x';
	if (free_sized == NULL || free_aligned_sized == NULL) {
		free(p);
		free(q);
		free(r);
		return;
	}
	errno = 42;
	free_sized(p, 5000);
	free_aligned_sized(q, 64, 64);
	free_sized(r, 300);
	free_sized(NULL, 0);
	CHECK(errno == 42);
}

static void *kept[8];

int
main(void)
{
	kept[0] = keep_after_failed_realloc();
	kept[1] = keep_after_failed_reallocarray();
	kept[2] = keep_grown();
	kept[3] = keep_from_null();
	kept[4] = keep_aligned();
	free_by_realloc_zero();
	free_of_zero_sizes();
	failures_leave_nothing();
	free_of_each_aligned();
	free_sized_after_realloc();
	errno = 42;
	free(malloc(100));
	CHECK(errno == 42);
	return failed;
}
