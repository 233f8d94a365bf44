/*
 * work_grow THOUSANDS: vectors that grow by realloc, some by doubling, some by
 * a few bytes at a time; a full one is freed and begins anew.
 */
#include "work.h"

#define VECTORS 2000
#define BYTES_MAX 16384

struct vector {
	char *data;
	size_t used;
	size_t room;
};

static struct vector vectors[VECTORS];

static WORK_NOINLINE void
resize(struct vector *it, size_t room)
{
	char *data = realloc(it->data, room);

	if (!data)
		exit(1);
	it->data = data;
	it->room = room;
}

static WORK_NOINLINE void
append(struct vector *it, size_t bytes, int doubles)
{
	if (it->used + bytes > it->room)
		resize(it, doubles ? 2 * (it->used + bytes)
				   : it->used + bytes + 32);
	memset(it->data + it->used, (int)bytes, bytes);
	it->used += bytes;
}

int
main(int argc, char **argv)
{
	long count = work_argument(argc, argv, 1) * 1000;
	struct work_random random = { 7 };
	uint64_t sum = 0;

	for (long i = 0; i < count; i++) {
		uint32_t which = work_random(&random, VECTORS);
		struct vector *it = &vectors[which];

		append(it, 1 + work_random(&random, 64), which % 2);
		if (it->used > BYTES_MAX - 64 ||
		    work_random(&random, 1000) == 0) {
			sum += it->used;
			free(it->data);
			*it = (struct vector){ NULL, 0, 0 };
		}
	}
	for (size_t i = 0; i < VECTORS; i++)
		free(vectors[i].data);
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
