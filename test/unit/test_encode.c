/*
 * From tables to a file and back: what protobuf's own decoder reads from a
 * snapshot is what the rooms held.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "../../preload/arena.h"
#include "../../preload/counters.h"
#include "../../preload/depot.h"
#include "../../preload/encode.h"
#include "../../preload/encode_pcs.h"
#include "../../preload/livetab.h"
#include "../../preload/scratch.h"
#include "../../preload/sink.h"
#include "../../preload/site.h"
#include "../../preload/threads.h"
#include "preload_env.h"

/* More than two messages of every table. */
#define STACKS 20000u
#define BLOCKS_EACH 3u
#define DEPTH 3u

static struct lks_stack stacks[STACKS];

static uint64_t
code_of(uint32_t stack, uint32_t depth)
{
	/* The outermost frame is shared, the innermost is the stack's own. */
	uint32_t which = depth == 0 ? stack : depth == 1 ? stack / 100 : 0;

	return lks_code(0x400000 + (uint64_t)depth * 0x10000000 + which * 16,
			0);
}

static uintptr_t
address_of(uint32_t stack, uint32_t i)
{
	return 0x7f0000000000 + ((uintptr_t)stack * BLOCKS_EACH + i) * 64;
}

static void
fill_tables(void)
{
	struct lks_block old;

	for (uint32_t s = 0; s < STACKS; s++) {
		uint64_t code[DEPTH];

		for (uint32_t d = 0; d < DEPTH; d++)
			code[d] = code_of(s, d);
		stacks[s] = lks_depot_intern(code, DEPTH, s == 7);
		for (uint32_t i = 0; i < BLOCKS_EACH; i++) {
			struct lks_block b = {
				.address = address_of(s, i),
				.size = s + 1,
				.site = stacks[s],
			};

			assert_int_equal(lks_livetab_insert(&b, &old),
					 LKS_INSERTED);
			lks_site_alloc(lks_heap_sites, stacks[s], s % 8, 1,
				       b.size);
		}
		/* One of them is freed again. */
		assert_int_equal(lks_livetab_take(address_of(s, 0), &old),
				 LKS_TAKEN);
		lks_site_free(lks_heap_sites, stacks[s], s % 8, 1, old.size);
	}
}

static Leakshim__V1__Snapshot *
write_and_read(const char *name)
{
	static struct lks_snap snap;
	char options[512];

	snprintf(options, sizeof(options),
		 "out=%s.%%n,only=a\\,b,on=exit+grow:1M",
		 preload_env_path(name));
	preload_env_boot(options);
	snap = (struct lks_snap){
		.trigger = LKS_TRIGGER_BELL,
		.way = LKS_WAY_HOST,
		.sequence = 5,
	};
	assert_true(lks_snap_take(&snap));
	assert_true(lks_sink_open());
	assert_true(lks_encode(&snap));
	assert_true(lks_sink_publish(5));
	lks_scratch_clear();
	return preload_env_snapshot(lks_sink_last_path());
}

static void
tables_come_back_row_for_row(void **state)
{
	static uint64_t node_pc[STACKS * DEPTH + 1];
	static uint32_t node_parent[STACKS * DEPTH + 1];
	static uint64_t pcs[STACKS * DEPTH + 1];
	Leakshim__V1__Snapshot *s = write_and_read("rows");
	uint32_t pc_count = 0;
	uint32_t node_count = 0;
	uint32_t site_count = 0;
	uint64_t address = 0;
	uint64_t node = 0;

	(void)state;
	assert_true(s->n_sites > 2 && s->n_pcs > 2 && s->n_stacks > 2);
	for (size_t m = 0; m < s->n_pcs; m++) {
		const Leakshim__V1__PcColumns *c = s->pcs[m];

		for (size_t i = 0; i < c->n_address_delta; i++) {
			address += (uint64_t)c->address_delta[i];
			pcs[++pc_count] = address;
		}
		assert_int_equal(c->n_module, 0); /* all zeros are left out */
	}
	for (size_t m = 0; m < s->n_stacks; m++) {
		const Leakshim__V1__StackColumns *c = s->stacks[m];

		assert_int_equal(c->n_parent_delta, c->n_pc);
		for (size_t i = 0; i < c->n_pc; i++) {
			uint32_t number = ++node_count;

			assert_in_range(c->parent_delta[i], 1, number);
			assert_in_range(c->pc[i], 1, pc_count);
			node_parent[number] = number - c->parent_delta[i];
			node_pc[number] = pcs[c->pc[i]];
		}
	}
	for (size_t m = 0; m < s->n_sites; m++) {
		const Leakshim__V1__SiteColumns *c = s->sites[m];

		for (size_t i = 0; i < c->n_node_delta; i++) {
			uint32_t site = site_count++;
			uint32_t at;

			node += (uint64_t)c->node_delta[i];
			at = (uint32_t)node;
			for (uint32_t d = 0; d < DEPTH; d++) {
				assert_int_equal(node_pc[at],
						 lks_code_pc(code_of(site, d)));
				at = node_parent[at];
			}
			assert_int_equal(at, 0);
			assert_int_equal(c->alloc_objects[i], 3);
			assert_int_equal(c->alloc_bytes[i], 3 * (site + 1));
			assert_int_equal(c->free_objects[i], 1);
			assert_int_equal(c->free_bytes[i], site + 1);
			assert_int_equal(c->live_objects[i], 2);
			assert_int_equal(c->live_bytes[i], 2 * (site + 1));
			assert_int_equal(c->n_flags == 0 ? 0 : c->flags[i],
					 site == 7 ? 1 : 0);
		}
		assert_int_equal(c->n_inherited_objects, 0);
	}
	assert_int_equal(site_count, STACKS);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
pc_that_was_not_written_has_no_number(void **state)
{
	struct lks_pcs pcs;

	(void)state;
	preload_env_boot("");
	assert_true(lks_pcs_init(&pcs));
	assert_int_equal(lks_pcs_intern(&pcs, 0x401000), 1);
	assert_int_equal(lks_pcs_find(&pcs, 0x401000), 1);
	/* A node that was filled after the pcs were gathered. */
	assert_int_equal(lks_pcs_find(&pcs, 0x402000), 0);
	assert_int_equal(pcs.count, 1);
	lks_scratch_clear();
}

static bool library_fails;

/* zlib's, for the whole program. */
int
deflate(z_streamp stream, int flush)
{
	int (*real)(z_streamp, int) =
		(int (*)(z_streamp, int))dlsym(RTLD_NEXT, "deflate");

	if (library_fails)
		lks_encode_give_up();
	return real(stream, flush);
}

static void
library_that_gives_up_ends_the_snapshot_and_no_thread(void **state)
{
	static struct lks_snap snap;
	char options[512];

	(void)state;
	snprintf(options, sizeof(options), "out=%s.%%n",
		 preload_env_path("gone"));
	preload_env_boot(options);
	snap = (struct lks_snap){ .trigger = LKS_TRIGGER_BELL };
	assert_true(lks_snap_take(&snap));
	assert_true(lks_sink_open());
	library_fails = true;
	assert_false(lks_encode(&snap));
	library_fails = false;
	assert_string_equal(lks_sink_error(),
			    "an assertion failed in a library");
	lks_sink_discard();
	lks_scratch_clear();
	/* And the next one is whole. */
	leakshim__v1__snapshot__free_unpacked(write_and_read("after"), NULL);
}

static void
trailer_is_last_and_sums_the_columns(void **state)
{
	Leakshim__V1__Snapshot *s = write_and_read("sums");
	const Leakshim__V1__Trailer *t = s->trailer;
	uint64_t bytes = (uint64_t)STACKS * (STACKS + 1) / 2;
	size_t file_bytes;
	char *file;

	(void)state;
	assert_non_null(t);
	assert_int_equal(t->sites, STACKS);
	assert_int_equal(t->alloc_objects, 3 * STACKS);
	assert_int_equal(t->alloc_bytes, 3 * bytes);
	assert_int_equal(t->free_objects, STACKS);
	assert_int_equal(t->live_objects, 2 * STACKS);
	assert_int_equal(t->live_bytes, 2 * bytes);
	assert_true(t->longest_hold_ns > 0);
	assert_true(t->shim_mapped_bytes > 0);
	/* Its tag (field 64, length-delimited) is in the last bytes. */
	file = preload_env_read(lks_sink_last_path(), &file_bytes);
	assert_non_null(memmem(file + file_bytes - 100, 100, "\x82\x04", 2));
	free(file);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
cohorts_sum_to_live(void **state)
{
	Leakshim__V1__Snapshot *s = write_and_read("cohorts");
	uint64_t objects = 0;
	uint64_t bytes = 0;
	uint32_t site = 0;

	(void)state;
	for (size_t m = 0; m < s->n_cohorts; m++) {
		const Leakshim__V1__CohortColumns *c = s->cohorts[m];

		for (size_t i = 0; i < c->n_site_delta; i++) {
			site += c->site_delta[i];
			assert_in_range(site, 1, STACKS);
			objects += c->objects[i];
			bytes += c->bytes[i];
		}
	}
	assert_int_equal(objects, s->trailer->live_objects);
	assert_int_equal(bytes, s->trailer->live_bytes);
	assert_true(s->header->n_cohort_bins >= 1);
	assert_int_equal(s->header->cohort_bins[0]->from_s, 0);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
header_names_process_options_and_moment(void **state)
{
	Leakshim__V1__Snapshot *s = write_and_read("header");
	const Leakshim__V1__Header *h = s->header;
	bool seen = false;

	(void)state;
	assert_int_equal(h->schema_version, 1);
	assert_int_equal(h->pid, getpid());
	assert_int_equal(h->sequence, 5);
	assert_int_equal(h->trigger, LEAKSHIM__V1__TRIGGER__TRIGGER_BELL);
	assert_int_equal(h->way, LEAKSHIM__V1__WAY__WAY_HOST);
	assert_int_equal(h->boot_id.len, 36);
	assert_true(h->start_ticks > 0 && h->pid_namespace > 0);
	assert_true(h->wall_ns > h->start_wall_ns);
	assert_true(h->monotonic_ns >= h->start_monotonic_ns);
	assert_int_equal(h->page_bytes, sysconf(_SC_PAGESIZE));
	assert_int_equal(h->count_scale, 1);
	assert_int_equal(h->fork_wall_ns, 0);
	assert_true(h->n_argv >= 1);
	for (size_t i = 0; i < h->n_options; i++) {
		if (strcmp(h->options[i]->key, "only") != 0)
			continue;
		assert_int_equal(h->options[i]->value.len, 4);
		assert_memory_equal(h->options[i]->value.data, "a\\,b", 4);
		seen = true;
	}
	assert_true(seen);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
threads_ship_by_creation_site_with_their_start(void **state)
{
	Leakshim__V1__Snapshot *s;
	const Leakshim__V1__ThreadSiteColumns *c;
	struct lks_thread_info info;
	struct lks_thread_ref ref[3];
	pthread_t handle[3];
	uint64_t pc = 0;
	uint32_t number = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		ref[i] = lks_threads_create(stacks[9], 0x5550, 0, &handle[i],
					    8192, i == 2);
		lks_threads_run(ref[i], (pthread_t)(1000 + i), 100 + i, 0x20000,
				&info);
	}
	lks_threads_exit(ref[0]);
	s = write_and_read("threads");
	assert_int_equal(s->n_thread_sites, 1);
	c = s->thread_sites[0];
	assert_int_equal(c->n_node_delta, 1);
	assert_int_equal(c->created[0], 3);
	assert_int_equal(c->n_released, 0);
	assert_int_equal(c->running[0], 2);
	assert_int_equal(c->running_detached[0], 1);
	assert_int_equal(c->exited_unjoined[0], 1);
	assert_int_equal(c->held_stack_bytes[0], 3 * 8192);
	for (size_t m = 0; m < s->n_pcs && number < c->start_pc[0]; m++)
		for (size_t i = 0;
		     i < s->pcs[m]->n_address_delta && number < c->start_pc[0];
		     i++, number++)
			pc += (uint64_t)s->pcs[m]->address_delta[i];
	assert_int_equal(pc, 0x5551);
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
losses_ship_by_name(void **state)
{
	Leakshim__V1__Snapshot *s;

	(void)state;
	lks_count_add(unknown_frees, 41);
	lks_count_add(late_calls, 42);
	s = write_and_read("losses");
	assert_int_equal(s->losses->unknown_frees, 41);
	assert_int_equal(s->losses->late_calls, 42);
	assert_int_equal(s->losses->thinning_shift, 0);
	assert_string_equal(s->losses->disabled_because, "");
	leakshim__v1__snapshot__free_unpacked(s, NULL);
}

static void
pcs_are_numbered_once(void **state)
{
	struct lks_pcs pcs;

	(void)state;
	assert_true(lks_pcs_init(&pcs));
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 1; i <= 50000; i++)
			assert_int_equal(lks_pcs_intern(&pcs, i << 20), i);
	assert_int_equal(pcs.count, 50000);
	lks_scratch_clear();
}

static void
all_scratch_is_given_back(void **state)
{
	uint64_t before;

	(void)state;
	leakshim__v1__snapshot__free_unpacked(write_and_read("warm"), NULL);
	before = lks_arena_bytes();
	leakshim__v1__snapshot__free_unpacked(write_and_read("again"), NULL);
	assert_int_equal(lks_arena_bytes(), before);
}

static int
boot(void **state)
{
	(void)state;
	preload_env_boot("");
	fill_tables();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_come_back_row_for_row),
		cmocka_unit_test(pc_that_was_not_written_has_no_number),
		cmocka_unit_test(
			library_that_gives_up_ends_the_snapshot_and_no_thread),
		cmocka_unit_test(trailer_is_last_and_sums_the_columns),
		cmocka_unit_test(cohorts_sum_to_live),
		cmocka_unit_test(header_names_process_options_and_moment),
		cmocka_unit_test(
			threads_ship_by_creation_site_with_their_start),
		cmocka_unit_test(losses_ship_by_name),
		cmocka_unit_test(pcs_are_numbered_once),
		cmocka_unit_test(all_scratch_is_given_back),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
