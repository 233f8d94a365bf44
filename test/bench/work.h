/*
 * What the benchmark's own programs share: numbers that are the same in every
 * run, sizes as programs ask for them, and the one argument.
 *
 * Each program takes the amount of work as its first argument, does it, and
 * prints a sum that depends on all of it: no compiler may leave work out, and
 * every run of it must print the same.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK_NOINLINE __attribute__((noinline))

struct work_random {
	uint64_t state; /* not 0 */
};

/* Marsaglia's xorshift, times a constant (xorshift64*): below `below`. */
static inline uint32_t
work_random(struct work_random *random, uint32_t below)
{
	uint64_t x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return (uint32_t)(((x * UINT64_C(2685821657736338717) >> 32) * below) >>
			  32);
}

/* Mostly small, sometimes large: in a thousand, 700 up to 64 bytes, 200 up to
 * 256, 70 up to 1 KiB, 25 up to 4 KiB and 5 up to 64 KiB. */
static inline size_t
work_size(struct work_random *random)
{
	uint32_t kind = work_random(random, 1000);

	if (kind < 700)
		return 8 + work_random(random, 56);
	if (kind < 900)
		return 64 + work_random(random, 192);
	if (kind < 970)
		return 256 + work_random(random, 768);
	if (kind < 995)
		return 1024 + work_random(random, 3072);
	return 4096 + work_random(random, 61440);
}

/* malloc, and the first bytes written, as a program would. */
static inline void *
work_alloc(size_t size)
{
	char *p = malloc(size);

	if (!p) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	memset(p, (int)size, size < 64 ? size : 64);
	return p;
}

/* Argument `index`, a count of at least 1. */
static inline long
work_argument(int argc, char **argv, int index)
{
	char *end = NULL;
	long value = index < argc ? strtol(argv[index], &end, 10) : 0;

	if (value < 1 || *end) {
		fprintf(stderr, "%s: argument %d must be a count\n", argv[0],
			index);
		exit(2);
	}
	return value;
}

/* Runs `run` in `count` threads, the i-th with argument + i * bytes. */
static inline void
work_in_threads(long count, void *(*run)(void *), void *argument, size_t bytes)
{
	pthread_t threads[64];

	if (count > 64) {
		fputs("at most 64 threads\n", stderr);
		exit(2);
	}
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, run,
				   (char *)argument + (size_t)i * bytes))
			exit(1);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}
