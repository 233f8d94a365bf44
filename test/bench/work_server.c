/*
 * work_server THOUSANDS: requests to a table of 100,000 entries: the request is
 * taken apart into fields of its own, and an entry chosen at random is replaced
 * by what they say. Four kinds of request; a table of random age, as in a cache.
 */
#include "work.h"

#define ENTRIES 100000
#define FIELDS 4

struct entry {
	char *key;
	char *value;
	size_t bytes;
};

struct request {
	char *fields[FIELDS];
	uint32_t kind;
	uint32_t slot;
};

static struct entry *table[ENTRIES];

static WORK_NOINLINE struct request *
parse(const char *line, uint32_t kind, uint32_t slot)
{
	struct request *request = work_alloc(sizeof(*request));

	request->kind = kind;
	request->slot = slot;
	for (int i = 0; i < FIELDS; i++) {
		request->fields[i] = strdup(line + i * 8);
		if (!request->fields[i])
			exit(1);
	}
	return request;
}

static WORK_NOINLINE void
drop(struct entry *entry)
{
	if (!entry)
		return;
	free(entry->key);
	free(entry->value);
	free(entry);
}

static WORK_NOINLINE struct entry *
make_entry(const struct request *request, size_t bytes)
{
	struct entry *entry = work_alloc(sizeof(*entry));

	entry->key = strdup(request->fields[0]);
	entry->value = work_alloc(bytes);
	entry->bytes = bytes;
	return entry;
}

static WORK_NOINLINE uint64_t
serve(const struct request *request, struct work_random *random)
{
	struct entry **slot = &table[request->slot];
	uint64_t found = *slot ? (*slot)->bytes : 0;

	if (request->kind > 0 || !*slot) {
		drop(*slot);
		*slot = make_entry(request, work_size(random) & 4095);
	}
	return found;
}

static WORK_NOINLINE void
done(struct request *request)
{
	for (int i = 0; i < FIELDS; i++)
		free(request->fields[i]);
	free(request);
}

int
main(int argc, char **argv)
{
	long count = work_argument(argc, argv, 1) * 1000;
	struct work_random random = { 42 };
	char line[64];
	uint64_t sum = 0;

	for (long i = 0; i < count; i++) {
		uint32_t slot = work_random(&random, ENTRIES);
		struct request *request;

		memset(line, 'a' + (int)(slot % 26), 40);
		line[40] = '\0';
		request = parse(line, work_random(&random, 4), slot);
		sum += serve(request, &random);
		done(request);
	}
	for (size_t i = 0; i < ENTRIES; i++)
		drop(table[i]);
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
