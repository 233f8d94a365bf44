#include "stories.h"

#include <stdbool.h>

#define MIB (UINT64_C(1) << 20)
#define KIB (UINT64_C(1) << 10)
#define SCALE 65536

/* Places of the program and its library in one process. */
struct places {
	uint64_t server;
	uint64_t library;
};

static const struct places first_places = { 0x555555554000, 0x7ffff7a00000 };
static const struct places other_places = { 0x560000000000, 0x7f1234500000 };

struct stacks {
	uint32_t create; /* malloc <- alloc <- create <- command <- main */
	uint32_t parse;
	uint32_t cache;
	uint32_t table;
	uint32_t buffer;
	uint32_t spawn;
};

static struct stacks
add_stacks_of(struct snapgen *gen, const struct places *places,
	      const char *build_id)
{
	uint32_t shim = snapgen_module(gen, "/usr/local/lib/libleakshim.so",
				       "shim-build-id", 0x7ffff7f00000,
				       0x10000);
	uint32_t server = snapgen_module(gen, "/opt/example/server", build_id,
					 places->server, 0x80000);
	uint32_t library = snapgen_module(gen, "/opt/example/lib/libparse.so",
					  NULL, places->library, 0x20000);
	uint32_t malloc_pc = snapgen_pc(gen, shim, 0x7ffff7f01234);
	uint32_t create = snapgen_pc(gen, server, places->server + 0x1111);
	uint32_t command = snapgen_pc(gen, server, places->server + 0x2222);
	uint32_t main_pc = snapgen_pc(gen, server, places->server + 0x3333);
	uint32_t parse = snapgen_pc(gen, library, places->library + 0x444);
	uint32_t cache = snapgen_pc(gen, server, places->server + 0x5555);
	uint32_t table = snapgen_pc(gen, server, places->server + 0x6666);
	uint32_t buffer = snapgen_pc(gen, server, places->server + 0x7777);
	uint32_t spawn = snapgen_pc(gen, server, places->server + 0x8888);
	struct stacks stacks = {
		.create = snapgen_stack(
			gen, (const uint32_t[]){ malloc_pc, create, command,
						 main_pc, 0 }),
		.parse = snapgen_stack(gen, (const uint32_t[]){ malloc_pc,
								parse, command,
								main_pc, 0 }),
		.cache =
			snapgen_stack(gen, (const uint32_t[]){ malloc_pc, cache,
							       main_pc, 0 }),
		.table =
			snapgen_stack(gen, (const uint32_t[]){ malloc_pc, table,
							       main_pc, 0 }),
		.buffer = snapgen_stack(gen,
					(const uint32_t[]){ malloc_pc, buffer,
							    main_pc, 0 }),
		.spawn =
			snapgen_stack(gen, (const uint32_t[]){ malloc_pc, spawn,
							       main_pc, 0 }),
	};

	return stacks;
}

static struct stacks
add_stacks(struct snapgen *gen, const struct places *places)
{
	return add_stacks_of(gen, places, "server-build-id");
}

static void
add_ledger(struct snapgen *gen, uint64_t live)
{
	Leakshim__V1__Ledger *ledger = snapgen_ledger(gen);

	ledger->live_heap_bytes = live;
	ledger->allocator_retained_bytes = 700 * KIB;
	ledger->direct_mmap_bytes = 256 * KIB;
	ledger->thread_stack_bytes = 96 * KIB;
	ledger->file_bytes = 4 * MIB;
	ledger->shim_bytes = 2 * MIB;
	ledger->unexplained_bytes = -4096;
	ledger->rss_bytes = live + 700 * KIB + 256 * KIB + 96 * KIB + 4 * MIB +
			    2 * MIB - 4096;
	ledger->thread_count = 4;
}

static void
add_old(struct snapgen *gen, const struct places *places)
{
	struct stacks at = add_stacks(gen, places);

	snapgen_site(gen,
		     &(struct snapgen_site){ at.create, 0, 1000, MIB, 0, 0 });
	snapgen_site(gen, &(struct snapgen_site){ at.parse, 0, 10, 10 * KIB, 10,
						  10 * KIB });
	snapgen_site(gen,
		     &(struct snapgen_site){ at.cache, 0, 100, 4 * MIB, 0, 0 });
	snapgen_site(gen,
		     &(struct snapgen_site){ at.table, 0, 1, 64 * KIB, 0, 0 });
	snapgen_site(gen, &(struct snapgen_site){ at.buffer, 0, 2, 8 * KIB, 1,
						  4 * KIB });
	snapgen_threads(gen, &(struct snapgen_threads){ at.spawn, 2, 0, 2, 0,
							8 * MIB });
	add_ledger(gen, 5 * MIB + 68 * KIB);
}

static void
set_later(struct snapgen *gen)
{
	Leakshim__V1__Header *header = snapgen_header(gen);

	header->sequence = 2;
	header->trigger = LEAKSHIM__V1__TRIGGER__TRIGGER_SIGNAL;
	header->wall_ns += UINT64_C(34000000000);
	header->monotonic_ns += UINT64_C(34000000000);
}

static void
add_new(struct snapgen *gen, const struct places *places, uint64_t scale)
{
	struct stacks at = add_stacks(gen, places);

	snapgen_site(gen,
		     &(struct snapgen_site){ at.create, 0, 12000 * scale,
					     12 * MIB, 2000 * scale, 2 * MIB });
	snapgen_site(gen, &(struct snapgen_site){ at.parse, 1, 1034 * scale,
						  1034 * KIB, 10 * scale,
						  10 * KIB });
	snapgen_site(gen,
		     &(struct snapgen_site){ at.cache, 0, 120 * scale, 5 * MIB,
					     60 * scale, 3 * MIB });
	snapgen_site(gen, &(struct snapgen_site){ at.table, 0, scale, 64 * KIB,
						  0, 0 });
	snapgen_site(gen,
		     &(struct snapgen_site){ at.buffer, 0, 2 * scale, 8 * KIB,
					     2 * scale, 8 * KIB });
	snapgen_threads(gen, &(struct snapgen_threads){ at.spawn, 9, 2, 5, 2,
							8 * MIB });
	add_ledger(gen, 13 * MIB + 64 * KIB);
	snapgen_losses(gen)->dropped_allocs = 1;
}

struct snapgen *
story_server_old(void)
{
	struct snapgen *gen = snapgen_new();

	add_old(gen, &first_places);
	return gen;
}

struct snapgen *
story_server_new(void)
{
	struct snapgen *gen = snapgen_new();

	set_later(gen);
	add_new(gen, &first_places, 1);
	return gen;
}

struct snapgen *
story_server_other(void)
{
	struct snapgen *gen = snapgen_new();

	set_later(gen);
	snapgen_header(gen)->pid = 4321;
	snapgen_header(gen)->start_ticks = 6000;
	add_new(gen, &other_places, 1);
	return gen;
}

struct snapgen *
story_server_sampled(void)
{
	struct snapgen *gen = snapgen_new();

	set_later(gen);
	snapgen_header(gen)->sample_bytes = 512 * KIB;
	snapgen_header(gen)->count_scale = SCALE;
	add_new(gen, &first_places, SCALE);
	return gen;
}

struct snapgen *
story_plugins(void)
{
	static const char *const paths[] = {
		"/nonexistent/a.so", "/nonexistent/b.so", "/nonexistent/c.so",
		"/nonexistent/d.so", "/nonexistent/e.so", "/nonexistent/f.so",
	};
	struct snapgen *gen = snapgen_new();
	uint64_t base = 0x7ffff7000000;
	uint32_t pcs[2] = { 0, 0 };
	uint32_t node;
	uint64_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		pcs[0] = snapgen_pc(gen,
				    snapgen_module(gen, paths[i], paths[i],
						   base, 0x1000),
				    base + 0x101);
		node = snapgen_stack(gen, pcs);
		snapgen_site(gen, &(struct snapgen_site){
					  node, 0, 1, KIB * (6 - i), 0, 0 });
		base += 0x10000;
	}
	return gen;
}

struct snapgen *
story_idle(void)
{
	return snapgen_new();
}

/* --- series ----------------------------------------------------------------- */

#define TREND_STEP_S 600

static void
set_time(struct snapgen *gen, unsigned int number)
{
	Leakshim__V1__Header *header = snapgen_header(gen);
	uint64_t ns = UINT64_C(1000000000) * TREND_STEP_S * number;

	header->sequence = number;
	header->trigger = LEAKSHIM__V1__TRIGGER__TRIGGER_INTERVAL;
	header->wall_ns = header->start_wall_ns + ns;
	header->monotonic_ns = header->start_monotonic_ns + ns;
	header->memory_limit_bytes = 256 * MIB;
}

/* One for each step; the bins are the same ones in every snapshot. */
static void
set_bins(struct snapgen *gen, unsigned int number)
{
	static Leakshim__V1__CohortBin bins[STORY_TREND_COUNT];
	static Leakshim__V1__CohortBin *list[STORY_TREND_COUNT];
	Leakshim__V1__Header *header = snapgen_header(gen);
	unsigned int i;

	for (i = 0; i < STORY_TREND_COUNT; i++) {
		leakshim__v1__cohort_bin__init(&bins[i]);
		bins[i].from_s = (uint64_t)i * TREND_STEP_S;
		bins[i].to_s = bins[i].from_s + TREND_STEP_S;
		list[i] = &bins[i];
	}
	header->cohort_bins = list;
	header->n_cohort_bins = number;
}

/* Of each batch of `batch` objects of 1 KiB half are freed at once. */
static void
add_leaking(struct snapgen *gen, uint32_t site, uint32_t node, uint64_t batch,
	    unsigned int number)
{
	uint64_t objects = batch * number;
	unsigned int i;

	snapgen_site(gen,
		     &(struct snapgen_site){ node, 0, objects, objects * KIB,
					     objects / 2, objects / 2 * KIB });
	for (i = 0; i < number; i++)
		snapgen_cohort(gen, site, i, batch / 2, batch / 2 * KIB);
}

/* Blocks of 1 KiB that live briefly: none is older than a step. */
static void
add_passing(struct snapgen *gen, uint32_t site, uint32_t node, uint64_t live,
	    unsigned int number)
{
	uint64_t freed = UINT64_C(5000) * number;

	snapgen_site(gen, &(struct snapgen_site){ node, 0, freed + live,
						  (freed + live) * KIB, freed,
						  freed * KIB });
	snapgen_cohort(gen, site, number - 1, live, live * KIB);
}

static void
add_trend_ledger(struct snapgen *gen, uint64_t live, unsigned int number)
{
	Leakshim__V1__Ledger *ledger;

	add_ledger(gen, live);
	ledger = snapgen_ledger(gen);
	ledger->allocator_retained_bytes += 300 * KIB * number;
	ledger->rss_bytes += 300 * KIB * number;
}

struct snapgen *
story_trend(unsigned int number)
{
	static const uint64_t cached[STORY_TREND_COUNT] = { 1000, 1900, 2000,
							    2000, 2000, 2000,
							    2000, 2000 };
	static const uint64_t parsed[STORY_TREND_COUNT] = {
		120, 90, 130, 100, 110, 125, 95, 105
	};
	struct snapgen *gen = snapgen_new();
	struct stacks at = add_stacks(gen, &first_places);
	uint64_t in_cache = cached[number - 1];
	uint64_t in_parse = parsed[number - 1];
	uint64_t buffer = 512 * KIB * number;

	set_time(gen, number);
	set_bins(gen, number);
	add_leaking(gen, 1, at.create, 2000, number);
	snapgen_site(gen, &(struct snapgen_site){ at.cache, 0, in_cache,
						  in_cache * 4 * KIB, 0, 0 });
	snapgen_cohort(gen, 2, 0, 1000, 4000 * KIB);
	if (number > 1)
		snapgen_cohort(gen, 2, 1, 900, 3600 * KIB);
	if (number > 2)
		snapgen_cohort(gen, 2, 2, 100, 400 * KIB);
	add_passing(gen, 3, at.parse, in_parse, number);
	snapgen_site(gen,
		     &(struct snapgen_site){ at.table, 0, 1, 64 * KIB, 0, 0 });
	snapgen_cohort(gen, 4, 0, 1, 64 * KIB);
	snapgen_site(gen,
		     &(struct snapgen_site){
			     at.buffer, 0, number,
			     512 * KIB * number * (number + 1) / 2, number - 1,
			     512 * KIB * number * (number - 1) / 2 });
	snapgen_cohort(gen, 5, number - 1, 1, buffer);
	snapgen_threads(gen,
			&(struct snapgen_threads){ at.spawn, 4 + 2 * number, 0,
						   4, 2 * number, 8 * MIB });
	add_trend_ledger(gen,
			 (1000 * number + in_cache * 4 + in_parse + 64) * KIB +
				 buffer,
			 number);
	return gen;
}

static struct snapgen *
story_pod(const char *host, uint64_t started_s, const char *build_id,
	  const struct places *places, bool leaks, unsigned int number)
{
	struct snapgen *gen = snapgen_new();
	struct stacks at = add_stacks_of(gen, places, build_id);
	Leakshim__V1__Header *header = snapgen_header(gen);

	header->host = snapgen_bytes(host);
	header->exe = snapgen_bytes("/opt/example/server");
	header->pid = 1;
	header->start_wall_ns += started_s * UINT64_C(1000000000);
	set_time(gen, number);
	set_bins(gen, number);
	if (leaks)
		add_leaking(gen, 1, at.create, 2000, number);
	else
		add_passing(gen, 1, at.create, 1000, number);
	snapgen_site(gen,
		     &(struct snapgen_site){ at.table, 0, 1, 64 * KIB, 0, 0 });
	snapgen_cohort(gen, 2, 0, 1, 64 * KIB);
	return gen;
}

struct snapgen *
story_pod_1(unsigned int number)
{
	return story_pod("pod-1", 0, "a-build", &first_places, false, number);
}

struct snapgen *
story_pod_2(unsigned int number)
{
	return story_pod("pod-2", 86400, "b-build", &other_places, true,
			 number);
}

struct snapgen *
story_pod_3(unsigned int number)
{
	return story_pod("pod-3", 86400 + 60, "b-build", &first_places, true,
			 number);
}
