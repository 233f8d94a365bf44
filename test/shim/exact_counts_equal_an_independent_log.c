/* link: -pthread */
/*
 * Ten million malloc, calloc, realloc and free calls from four threads over
 * SITES call sites, with a log of its own that shares nothing with the shim:
 * what each site allocated and freed, in objects and bytes. Blocks are freed
 * by whichever thread gets at them. The log goes to the file named by the
 * first argument; the calls in all by the second.
 *
 * Everything the log needs is static, so that it allocates nothing itself.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 12 /* at most */
#define SLOTS 4096 /* per thread, plus as many that all share */

struct tally {
	uint64_t alloc_objects;
	uint64_t alloc_bytes;
	uint64_t free_objects;
	uint64_t free_bytes;
};

struct block {
	void *p;
	uint64_t size;
	unsigned site;
};

/* One call site each: a function that the compiler keeps apart. */
#define SITES(X) FOUR(X, 0) FOUR(X, 1) FOUR(X, 2) FOUR(X, 3)
#define FOUR(X, n) X(n##0) X(n##1) X(n##2) X(n##3)

#define X(n)                                                                   \
	__attribute__((noinline, noclone)) static void *malloc_site_##n(       \
		void *old, size_t size)                                        \
	{                                                                      \
		void *p = malloc(size);                                        \
                                                                               \
		(void)old;                                                     \
		__asm__ volatile("" : "+r"(p));                                \
		return p;                                                      \
	}                                                                      \
	__attribute__((noinline, noclone)) static void *calloc_site_##n(       \
		void *old, size_t size)                                        \
	{                                                                      \
		void *p = calloc(size, 1);                                     \
                                                                               \
		(void)old;                                                     \
		__asm__ volatile("" : "+r"(p));                                \
		return p;                                                      \
	}                                                                      \
	__attribute__((noinline, noclone)) static void *realloc_site_##n(      \
		void *old, size_t size)                                        \
	{                                                                      \
		void *p = realloc(old, size);                                  \
                                                                               \
		__asm__ volatile("" : "+r"(p));                                \
		return p;                                                      \
	}
SITES(X)
#undef X

typedef void *site_function(void *, size_t);

static const struct {
	const char *name;
	site_function *function;
} sites[] = {
#define X(n)                                                                   \
	{ "malloc_site_" #n, malloc_site_##n },                                \
		{ "calloc_site_" #n, calloc_site_##n },                        \
		{ "realloc_site_" #n, realloc_site_##n },
	SITES(X)
#undef X
};
#define SITE_COUNT (sizeof(sites) / sizeof(sites[0]))

static struct tally log_of[THREADS][SITE_COUNT];
static struct block own[THREADS][SLOTS];
/* Taken and left by exchange of the pointer to a block that its last holder no
 * longer touches. */
static struct block shared_blocks[THREADS * SLOTS];
static _Atomic(struct block *) shared[SLOTS];
static uint64_t calls_per_thread;

static uint64_t
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void
log_alloc(unsigned thread, unsigned site, uint64_t size)
{
	log_of[thread][site].alloc_objects++;
	log_of[thread][site].alloc_bytes += size;
}

static void
log_free(unsigned thread, const struct block *b)
{
	log_of[thread][b->site].free_objects++;
	log_of[thread][b->site].free_bytes += b->size;
}

static void
step(unsigned thread, struct block *b, uint64_t random)
{
	unsigned site = (unsigned)(random >> 8) % SITE_COUNT;
	uint64_t size = 1 + (random >> 20) % (random % 64 == 0 ? 60000 : 500);
	int is_realloc = site % 3 == 2;

	if (b->p != NULL && !is_realloc) {
		log_free(thread, b);
		free(b->p);
		b->p = NULL;
		return;
	}
	if (b->p != NULL)
		log_free(thread, b);
	b->p = sites[site].function(b->p, size);
	if (b->p == NULL)
		abort();
	b->site = site;
	b->size = size;
	log_alloc(thread, site, size);
}

static void *
work(void *argument)
{
	unsigned thread = (unsigned)(uintptr_t)argument;
	uint64_t state = 88172645463325252u + thread;

	for (uint64_t i = 0; i < calls_per_thread; i++) {
		uint64_t random = next(&state);
		unsigned slot = (unsigned)(random >> 40) % SLOTS;

		if (i % 8 == 0) {
			struct block *b = atomic_exchange(&shared[slot], NULL);

			if (b == NULL)
				b = &own[thread][slot];
			step(thread, b, random);
			if (b != &own[thread][slot])
				atomic_store(&shared[slot], b);
		} else {
			step(thread, &own[thread][slot], random);
		}
	}
	return NULL;
}

static void
write_log(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		exit(2);
	for (unsigned s = 0; s < SITE_COUNT; s++) {
		struct tally sum = { 0, 0, 0, 0 };

		for (unsigned t = 0; t < THREADS; t++) {
			sum.alloc_objects += log_of[t][s].alloc_objects;
			sum.alloc_bytes += log_of[t][s].alloc_bytes;
			sum.free_objects += log_of[t][s].free_objects;
			sum.free_bytes += log_of[t][s].free_bytes;
		}
		fprintf(f, "%s,%ju,%ju,%ju,%ju\n", sites[s].name,
			(uintmax_t)sum.alloc_objects,
			(uintmax_t)sum.alloc_bytes, (uintmax_t)sum.free_objects,
			(uintmax_t)sum.free_bytes);
	}
	fclose(f);
}

int
main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	unsigned count;

	if (argc < 4)
		return 2;
	count = (unsigned)atoi(argv[3]);
	if (count < 1 || count > THREADS)
		return 2;
	calls_per_thread = strtoull(argv[2], NULL, 10) / count;
	for (unsigned i = 0; i < SLOTS; i++)
		atomic_store(&shared[i], &shared_blocks[i]);
	for (uintptr_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	write_log(argv[1]);
	return 0;
}
