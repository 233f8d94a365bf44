#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/diff.h"
#include "../../analyzer/err.h"
#include "../../analyzer/report.h"
#include "../../analyzer/select.h"
#include "../../analyzer/symbolize.h"
#include "comparison.h"
#include "loaded_module.h"
#include "profile.pb-c.h"
#include "snapgen.h"
#include "stories.h"

#define PROFILE_BYTES_MAX (1 << 20)

enum { ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE, VALUES };

static struct symbolizer_options symbol_options;
/* What the next profile is made with. The study and resolver are filled in. */
static struct report settings;
/* Rows of less are hidden; 0: none are. */
static int64_t min_bytes;

/* --- making and reading a profile ------------------------------------------- */

static void
write_report(struct comparison *made, FILE *out)
{
	struct report report = settings;
	struct select *select = select_new();
	struct err err;

	report.study = &made->study;
	report.diff = made->diff;
	report.resolver = made->study.resolver;
	select_min_bytes(select, min_bytes);
	select_apply(select, made->part.diff, report.resolver);
	select_free(select);
	assert_int_equal(report_pprof(&report, out, &err), 0);
}

static size_t
gunzip(uint8_t *in, size_t in_bytes, uint8_t *out)
{
	z_stream stream = { 0 };

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	stream.next_in = in;
	stream.avail_in = (uInt)in_bytes;
	stream.next_out = out;
	stream.avail_out = PROFILE_BYTES_MAX;
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	inflateEnd(&stream);
	return stream.total_out;
}

static const char *
text_of(const Perftools__Profiles__Profile *profile, int64_t index)
{
	assert_in_range(index, 0, profile->n_string_table - 1);
	return profile->string_table[index];
}

/* What a strict reader demands of any profile. */
static void
check_valid(const Perftools__Profiles__Profile *profile)
{
	const Perftools__Profiles__Location *location, *other;
	const Perftools__Profiles__Mapping *mapping;
	const Perftools__Profiles__Sample *sample;
	size_t i, k, zeros;

	assert_string_equal(text_of(profile, 0), "");
	for (i = 0; i < profile->n_mapping; i++) {
		mapping = profile->mapping[i];
		assert_int_equal(mapping->id, i + 1);
		assert_true(mapping->memory_start < mapping->memory_limit);
		for (k = 0; k < i; k++)
			assert_true(mapping->memory_limit <=
					    profile->mapping[k]->memory_start ||
				    mapping->memory_start >=
					    profile->mapping[k]->memory_limit);
	}
	for (i = 0; i < profile->n_function; i++) {
		assert_int_equal(profile->function[i]->id, i + 1);
		assert_true(*text_of(profile, profile->function[i]->name));
		text_of(profile, profile->function[i]->system_name);
		text_of(profile, profile->function[i]->filename);
	}
	for (i = 0; i < profile->n_location; i++) {
		location = profile->location[i];
		assert_int_equal(location->id, i + 1);
		assert_true(location->address != 0);
		assert_in_range(location->mapping_id, 0, profile->n_mapping);
		for (k = 0; k < i; k++) {
			other = profile->location[k];
			assert_true(other->address != location->address);
		}
		for (k = 0; k < profile->n_mapping; k++) {
			mapping = profile->mapping[k];
			assert_int_equal(
				location->address >= mapping->memory_start &&
					location->address <
						mapping->memory_limit,
				location->mapping_id == mapping->id);
		}
		for (k = 0; k < location->n_line; k++)
			assert_in_range(location->line[k]->function_id, 1,
					profile->n_function);
		if (location->mapping_id &&
		    profile->mapping[location->mapping_id - 1]->has_functions)
			assert_true(location->n_line > 0);
	}
	for (i = 0; i < profile->n_sample; i++) {
		sample = profile->sample[i];
		assert_int_equal(sample->n_value, profile->n_sample_type);
		assert_true(sample->n_location_id > 0);
		for (k = 0; k < sample->n_location_id; k++)
			assert_in_range(sample->location_id[k], 1,
					profile->n_location);
		for (k = 0, zeros = 0; k < sample->n_value; k++)
			zeros += sample->value[k] == 0;
		assert_true(zeros < sample->n_value);
		for (k = 0; k < sample->n_label; k++)
			assert_true(sample->label[k]->key != 0);
	}
}

/* The profile of one or two models, which are freed; old may be NULL. */
static Perftools__Profiles__Profile *
profile_of_models(struct model *old_model, struct model *new_model)
{
	struct model *models[] = { old_model, new_model };
	struct blame *blame = blame_new();
	struct err err;
	struct symbolizer *symbolizer = symbolizer_open(&symbol_options, &err);
	struct comparison *made = comparison_new(models, 2, symbolizer, blame);
	Perftools__Profiles__Profile *profile;
	uint8_t *bytes = malloc(PROFILE_BYTES_MAX);
	char *zipped;
	size_t len;
	FILE *out = open_memstream(&zipped, &len);

	assert_non_null(symbolizer);
	assert_non_null(bytes);
	write_report(made, out);
	assert_int_equal(fclose(out), 0);
	len = gunzip((uint8_t *)zipped, len, bytes);
	profile = perftools__profiles__profile__unpack(NULL, len, bytes);
	assert_non_null(profile);
	check_valid(profile);
	free(bytes);
	free(zipped);
	comparison_free(made);
	symbolizer_close(symbolizer);
	blame_free(blame);
	return profile;
}

static Perftools__Profiles__Profile *
profile_of(struct snapgen *old_gen, struct snapgen *new_gen)
{
	return profile_of_models(comparison_load(old_gen),
				 comparison_load(new_gen));
}

static void
release(Perftools__Profiles__Profile *profile)
{
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static int64_t
total(const Perftools__Profiles__Profile *profile, unsigned value)
{
	int64_t sum = 0;
	size_t i;

	for (i = 0; i < profile->n_sample; i++)
		sum += profile->sample[i]->value[value];
	return sum;
}

/* A frame of a sample, 0 the innermost. */
static const Perftools__Profiles__Location *
frame(const Perftools__Profiles__Profile *profile, size_t sample, size_t depth)
{
	assert_in_range(sample, 0, profile->n_sample - 1);
	assert_in_range(depth, 0, profile->sample[sample]->n_location_id - 1);
	return profile
		->location[profile->sample[sample]->location_id[depth] - 1];
}

static const char *
name_of(const Perftools__Profiles__Profile *profile,
	const Perftools__Profiles__Location *location)
{
	uint64_t function;

	assert_int_equal(location->n_line, 1);
	function = location->line[0]->function_id;
	return text_of(profile, profile->function[function - 1]->name);
}

static const Perftools__Profiles__Mapping *
mapping_named(const Perftools__Profiles__Profile *profile, const char *name)
{
	size_t i;

	for (i = 0; i < profile->n_mapping; i++) {
		if (strcmp(text_of(profile, profile->mapping[i]->filename),
			   name) == 0)
			return profile->mapping[i];
	}
	return NULL;
}

static void
site(struct snapgen *gen, const uint32_t *pcs, uint64_t bytes)
{
	snapgen_site(gen, &(struct snapgen_site){
				  .node = snapgen_stack(gen, pcs),
				  .alloc_objects = 1,
				  .alloc_bytes = bytes,
			  });
}

static int
set_up(void **state)
{
	(void)state;
	symbol_options = (struct symbolizer_options){ .use_symbols = true,
						      .inlines = true };
	settings = (struct report){ 0 };
	min_bytes = 0;
	return 0;
}

/* --- tests ------------------------------------------------------------------ */

static void
types_are_those_of_go_in_its_order(void **state)
{
	static const char *const types[VALUES][2] = {
		{ "alloc_objects", "count" },
		{ "alloc_space", "bytes" },
		{ "inuse_objects", "count" },
		{ "inuse_space", "bytes" },
	};
	Perftools__Profiles__Profile *profile =
		profile_of(NULL, story_server_new());
	size_t i;

	(void)state;
	assert_int_equal(profile->n_sample_type, VALUES);
	for (i = 0; i < VALUES; i++) {
		assert_string_equal(text_of(profile,
					    profile->sample_type[i]->type),
				    types[i][0]);
		assert_string_equal(text_of(profile,
					    profile->sample_type[i]->unit),
				    types[i][1]);
	}
	assert_string_equal(text_of(profile, profile->period_type->type),
			    "space");
	assert_string_equal(text_of(profile, profile->period_type->unit),
			    "bytes");
	assert_int_equal(profile->period, 1);
	assert_int_equal(profile->default_sample_type, 0);
	release(profile);
}

static void
one_snapshot_is_a_moment(void **state)
{
	struct snapgen *gen = story_server_new();
	uint64_t wall_ns = snapgen_header(gen)->wall_ns;
	Perftools__Profiles__Profile *profile = profile_of(NULL, gen);

	(void)state;
	assert_int_equal(profile->time_nanos, wall_ns);
	assert_int_equal(profile->duration_nanos, 0);
	release(profile);
}

static void
two_snapshots_are_a_window(void **state)
{
	Perftools__Profiles__Profile *profile =
		profile_of(story_server_old(), story_server_new());

	(void)state;
	assert_int_equal(profile->duration_nanos, INT64_C(34000000000));
	release(profile);
}

static bool
is_base(const Perftools__Profiles__Profile *profile, size_t sample)
{
	const Perftools__Profiles__Sample *pb = profile->sample[sample];

	if (pb->n_label == 0)
		return false;
	assert_int_equal(pb->n_label, 1);
	assert_string_equal(text_of(profile, pb->label[0]->key), "pprof::base");
	assert_string_equal(text_of(profile, pb->label[0]->str), "true");
	return true;
}

static void
old_snapshot_is_the_base_and_negative(void **state)
{
	struct comparison *made =
		comparison_of(comparison_load(story_server_old()),
			      comparison_load(story_server_new()));
	const struct row *sums = &made->diff->totals[ROW_HEAP];
	Perftools__Profiles__Profile *profile =
		profile_of(story_server_old(), story_server_new());
	int64_t before = 0, after = 0;
	size_t i, k;

	(void)state;
	assert_int_equal(total(profile, ALLOC_OBJECTS), sums->alloc.objects);
	assert_int_equal(total(profile, ALLOC_SPACE), sums->alloc.bytes);
	assert_int_equal(total(profile, INUSE_OBJECTS), sums->delta.objects);
	assert_int_equal(total(profile, INUSE_SPACE), sums->delta.bytes);
	for (i = 0; i < profile->n_sample; i++) {
		const Perftools__Profiles__Sample *sample = profile->sample[i];

		for (k = 0; k < sample->n_value; k++)
			assert_true(is_base(profile, i)
					    ? sample->value[k] <= 0
					    : sample->value[k] >= 0);
		if (is_base(profile, i))
			before -= sample->value[INUSE_SPACE];
		else
			after += sample->value[INUSE_SPACE];
	}
	assert_int_equal(before, sums->live_old.bytes);
	assert_int_equal(after, sums->live_new.bytes);
	release(profile);
	comparison_free(made);
}

static void
one_snapshot_has_no_base(void **state)
{
	Perftools__Profiles__Profile *profile =
		profile_of(NULL, story_server_new());
	size_t i;

	(void)state;
	for (i = 0; i < profile->n_sample; i++)
		assert_int_equal(profile->sample[i]->n_label, 0);
	for (i = 0; i < profile->n_string_table; i++)
		assert_string_not_equal(profile->string_table[i],
					"pprof::base");
	release(profile);
}

static void
growth_only_has_neither_labels_nor_negative_values(void **state)
{
	struct comparison *made =
		comparison_of(comparison_load(story_server_old()),
			      comparison_load(story_server_new()));
	const struct diff *diff = made->diff;
	Perftools__Profiles__Profile *profile;
	int64_t growth = 0;
	size_t i, k;

	(void)state;
	settings.growth_only = true;
	profile = profile_of(story_server_old(), story_server_new());
	for (i = 0; i < diff->count[ROW_HEAP]; i++) {
		if (diff->rows[i].delta.bytes > 0)
			growth += diff->rows[i].delta.bytes;
	}
	/* Something shrank too, or this would say nothing. */
	assert_true(growth > diff->totals[ROW_HEAP].delta.bytes);
	assert_int_equal(total(profile, INUSE_SPACE), growth);
	for (i = 0; i < profile->n_sample; i++) {
		assert_int_equal(profile->sample[i]->n_label, 0);
		for (k = 0; k < VALUES; k++)
			assert_true(profile->sample[i]->value[k] >= 0);
	}
	release(profile);
	comparison_free(made);
}

static void
threads_are_a_threadcreate_profile(void **state)
{
	struct comparison *made =
		comparison_of(comparison_load(story_server_old()),
			      comparison_load(story_server_new()));
	Perftools__Profiles__Profile *profile;

	(void)state;
	settings.threads = true;
	profile = profile_of(story_server_old(), story_server_new());
	assert_int_equal(profile->n_sample_type, 1);
	assert_string_equal(text_of(profile, profile->sample_type[0]->type),
			    "threadcreate");
	assert_string_equal(text_of(profile, profile->sample_type[0]->unit),
			    "count");
	assert_string_equal(text_of(profile, profile->period_type->type),
			    "threadcreate");
	assert_int_equal(profile->period, 1);
	assert_true(profile->n_sample > 0);
	assert_int_equal(total(profile, 0),
			 made->diff->totals[ROW_THREAD].delta.objects);
	release(profile);
	comparison_free(made);
}

static void
what_is_hidden_keeps_the_totals(void **state)
{
	Perftools__Profiles__Profile *all =
		profile_of(story_server_old(), story_server_new());
	Perftools__Profiles__Profile *few;
	unsigned value;
	size_t i, merged = 0;

	(void)state;
	min_bytes = 1536 * 1024;
	few = profile_of(story_server_old(), story_server_new());
	for (value = 0; value < VALUES; value++)
		assert_int_equal(total(few, value), total(all, value));
	for (i = 0; i < few->n_sample; i++) {
		const Perftools__Profiles__Location *leaf = frame(few, i, 0);

		if (leaf->n_line == 1 &&
		    strcmp(name_of(few, leaf), "[below --min-bytes]") == 0)
			merged++;
	}
	/* New and base. */
	assert_int_equal(merged, 2);
	assert_true(few->n_sample < all->n_sample);
	release(all);
	release(few);
}

/* Two sites, the largest numbers that a model may hold, before and after. */
static struct snapgen *
huge(uint64_t first, uint64_t second)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/app", "id", 0x10000, 0x1000);

	site(gen, (const uint32_t[]){ snapgen_pc(gen, module, 0x10011), 0 },
	     first);
	site(gen, (const uint32_t[]){ snapgen_pc(gen, module, 0x10021), 0 },
	     second);
	return gen;
}

static void
largest_numbers_come_through(void **state)
{
	const uint64_t most = INT64_MAX / 2 - 1;
	Perftools__Profiles__Profile *profile =
		profile_of(huge(most, 1), huge(1, most));

	(void)state;
	assert_int_equal(profile->n_sample, 4);
	assert_int_equal(profile->sample[0]->value[INUSE_SPACE], most);
	assert_int_equal(profile->sample[1]->value[INUSE_SPACE], -1);
	assert_int_equal(profile->sample[2]->value[INUSE_SPACE], 1);
	assert_int_equal(profile->sample[3]->value[INUSE_SPACE],
			 -(int64_t)most);
	release(profile);
}

static void
addresses_are_of_the_call_in_the_true_place(void **state)
{
	Perftools__Profiles__Profile *profile =
		profile_of(NULL, story_server_new());
	const Perftools__Profiles__Mapping *server = profile->mapping[0];

	(void)state;
	assert_string_equal(text_of(profile, server->filename),
			    "/opt/example/server");
	assert_int_equal(server->memory_start, 0x555555554000);
	assert_int_equal(server->memory_limit, 0x555555554000 + 0x80000);
	assert_int_equal(server->file_offset, 0x1000);
	/* "server-build-id" */
	assert_string_equal(text_of(profile, server->build_id),
			    "7365727665722d6275696c642d6964");
	/* The largest site: create <- command <- main. */
	assert_int_equal(profile->sample[0]->n_location_id, 3);
	assert_int_equal(frame(profile, 0, 0)->address,
			 0x555555554000 + 0x1110);
	assert_int_equal(frame(profile, 0, 2)->address,
			 0x555555554000 + 0x3332);
	release(profile);
}

static void
frames_of_the_shim_are_cut(void **state)
{
	Perftools__Profiles__Profile *profile =
		profile_of(NULL, story_server_new());

	(void)state;
	assert_null(mapping_named(profile, "/usr/local/lib/libleakshim.so"));
	assert_non_null(mapping_named(profile, "/opt/example/lib/libparse.so"));
	release(profile);
}

static void
moved_program_is_the_same_program(void **state)
{
	Perftools__Profiles__Profile *same =
		profile_of(story_server_old(), story_server_new());
	Perftools__Profiles__Profile *moved =
		profile_of(story_server_old(), story_server_other());

	(void)state;
	assert_int_equal(moved->n_mapping, same->n_mapping);
	assert_int_equal(moved->n_location, same->n_location);
	assert_int_equal(moved->n_sample, same->n_sample);
	/* Where it was first. */
	assert_int_equal(moved->mapping[0]->memory_start, 0x555555554000);
	release(same);
	release(moved);
}

/* A process with one library at a place of its choice. */
static struct snapgen *
process_with(const char *library, uint32_t pid, uint64_t start, uint64_t bytes)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, library, library, start, 0x1000);

	snapgen_header(gen)->pid = pid;
	site(gen,
	     (const uint32_t[]){ snapgen_pc(gen, module, start + 0x11), 0 },
	     bytes);
	return gen;
}

static void
modules_at_one_place_in_two_processes_do_not_clash(void **state)
{
	Perftools__Profiles__Profile *profile =
		profile_of(process_with("/lib/a.so", 1, 0x10000, 5),
			   process_with("/lib/b.so", 2, 0x10800, 7));
	const Perftools__Profiles__Mapping *a, *b;

	(void)state;
	a = mapping_named(profile, "/lib/a.so");
	b = mapping_named(profile, "/lib/b.so");
	assert_non_null(a);
	assert_non_null(b);
	/* The first is where it was; the other was moved, whole. */
	assert_int_equal(a->memory_start, 0x10000);
	assert_int_equal(b->memory_limit - b->memory_start, 0x1000);
	assert_int_equal(profile->n_location, 2);
	assert_string_equal(name_of(profile, frame(profile, 0, 0)),
			    "b.so+0x1010");
	assert_string_equal(name_of(profile, frame(profile, 1, 0)),
			    "a.so+0x1010");
	assert_int_equal(frame(profile, 0, 0)->address, b->memory_start + 0x10);
	assert_int_equal(frame(profile, 1, 0)->address, 0x10010);
	assert_int_equal(profile->sample[0]->value[INUSE_SPACE], 7);
	assert_int_equal(profile->sample[1]->value[INUSE_SPACE], -5);
	release(profile);
}

static void
code_in_no_module_has_an_address_but_no_mapping(void **state)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/app", "id", 0x10000, 0x1000);
	Perftools__Profiles__Profile *profile;
	uint32_t inside = snapgen_pc(gen, module, 0x10011);
	/* Of code that was there before the module. */
	uint32_t earlier = snapgen_pc(gen, 0, 0x10021);
	uint32_t jit = snapgen_pc(gen, 0, 0x7000001);
	uint32_t zero = snapgen_pc(gen, 0, 0);

	(void)state;
	site(gen, (const uint32_t[]){ inside, 0 }, 4);
	site(gen, (const uint32_t[]){ earlier, 0 }, 3);
	site(gen, (const uint32_t[]){ jit, 0 }, 2);
	site(gen, (const uint32_t[]){ zero, 0 }, 1);
	profile = profile_of(NULL, gen);
	assert_int_equal(profile->n_sample, 4);
	assert_int_equal(frame(profile, 0, 0)->mapping_id, 1);
	assert_int_equal(frame(profile, 1, 0)->mapping_id, 0);
	assert_string_equal(name_of(profile, frame(profile, 1, 0)), "0x10020");
	assert_int_equal(frame(profile, 2, 0)->address, 0x7000000);
	assert_int_equal(frame(profile, 2, 0)->mapping_id, 0);
	assert_int_equal(frame(profile, 3, 0)->mapping_id, 0);
	release(profile);
}

static void
unknown_stacks_have_a_frame(void **state)
{
	struct snapgen *gen = snapgen_new();
	Perftools__Profiles__Profile *profile;

	(void)state;
	snapgen_site(gen, &(struct snapgen_site){ 0, 0, 1, 10, 0, 0 });
	snapgen_site(gen, &(struct snapgen_site){ 0, 2, 1, 20, 0, 0 });
	profile = profile_of(NULL, gen);
	assert_int_equal(profile->n_sample, 2);
	assert_int_equal(profile->n_location, 2);
	assert_int_equal(profile->n_mapping, 0);
	assert_int_equal(total(profile, INUSE_SPACE), 30);
	assert_string_equal(name_of(profile, frame(profile, 1, 0)),
			    "[unknown call stack]");
	release(profile);
}

static void
truncated_stacks_say_so_at_their_outer_end(void **state)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/app", "id", 0x10000, 0x1000);
	uint32_t pcs[] = { snapgen_pc(gen, module, 0x10011), 0 };
	Perftools__Profiles__Profile *profile;

	(void)state;
	snapgen_site(gen, &(struct snapgen_site){ snapgen_stack(gen, pcs), 1, 1,
						  10, 0, 0 });
	profile = profile_of(NULL, gen);
	assert_int_equal(profile->sample[0]->n_location_id, 2);
	assert_string_equal(name_of(profile, frame(profile, 0, 1)),
			    "[truncated]");
	release(profile);
}

static void
stacks_that_differ_only_in_cut_frames_are_one_sample(void **state)
{
	struct snapgen *gen = snapgen_new();
	uint32_t shim =
		snapgen_module(gen, "/l/libleakshim.so", "s", 0x20000, 0x1000);
	uint32_t app = snapgen_module(gen, "/app", "id", 0x10000, 0x1000);
	uint32_t malloc_pc = snapgen_pc(gen, shim, 0x20011);
	uint32_t calloc_pc = snapgen_pc(gen, shim, 0x20021);
	uint32_t main_pc = snapgen_pc(gen, app, 0x10011);
	Perftools__Profiles__Profile *profile;

	(void)state;
	site(gen, (const uint32_t[]){ malloc_pc, main_pc, 0 }, 10);
	site(gen, (const uint32_t[]){ calloc_pc, main_pc, 0 }, 20);
	profile = profile_of(NULL, gen);
	assert_int_equal(profile->n_sample, 1);
	assert_int_equal(profile->sample[0]->value[INUSE_SPACE], 30);
	assert_int_equal(profile->sample[0]->value[ALLOC_OBJECTS], 2);
	release(profile);
}

static void
nameless_code_keeps_its_place_as_name(void **state)
{
	Perftools__Profiles__Profile *profile =
		profile_of(NULL, story_server_new());
	const Perftools__Profiles__Mapping *server = profile->mapping[0];

	(void)state;
	assert_true(server->has_functions);
	assert_false(server->has_filenames);
	assert_false(server->has_line_numbers);
	assert_false(server->has_inline_frames);
	assert_string_equal(name_of(profile, frame(profile, 0, 0)),
			    "server+0x2110");
	release(profile);
}

static void
without_symbols_names_are_left_to_pprof(void **state)
{
	Perftools__Profiles__Profile *profile;
	size_t i;

	(void)state;
	symbol_options.use_symbols = false;
	profile = profile_of(NULL, story_server_new());
	for (i = 0; i < profile->n_mapping; i++)
		assert_false(profile->mapping[i]->has_functions);
	/* Our own words ("[truncated]") stay. */
	for (i = 0; i < profile->n_location; i++)
		assert_int_equal(profile->location[i]->n_line,
				 profile->location[i]->mapping_id ? 0 : 1);
	release(profile);
}

#define KEEP(value) __asm__ volatile("" : "+r"(value))

void *pprof_address(void);
void *pprof_owner(void);

__attribute__((noinline)) void *
pprof_address(void)
{
	return __builtin_return_address(0);
}

/* By its name an allocation wrapper. */
static inline __attribute__((always_inline)) void *
xmalloc_pprof(void)
{
	void *address = pprof_address();

	KEEP(address);
	return address;
}

/* Returns an address in it, at which xmalloc_pprof is inlined. */
__attribute__((noinline)) void *
pprof_owner(void)
{
	return xmalloc_pprof();
}

static const char *
line_name(const Perftools__Profiles__Profile *profile,
	  const Perftools__Profiles__Location *location, size_t line)
{
	uint64_t function;

	assert_in_range(line, 0, location->n_line - 1);
	function = location->line[line]->function_id;
	return text_of(profile, profile->function[function - 1]->name);
}

/*
 * Wrappers that are inlined into the blamed function are left out where a
 * stack begins there, and shown where the same address is in the middle.
 */
static void
stacks_begin_at_the_blamed_function(void **state)
{
	void *owner = pprof_owner();
	struct snapgen *gen = snapgen_new();
	const Perftools__Profiles__Location *leaf, *middle;
	Perftools__Profiles__Profile *profile;
	const struct segment *segment;
	struct loaded_module self;
	struct model *model;
	uint32_t module, pc, callee;

	(void)state;
	assert_int_equal(loaded_module_take(&self, owner), 0);
	segment = &self.module.segments[0];
	module = snapgen_module(gen, "/self", NULL, segment->start,
				segment->end - segment->start);
	pc = snapgen_pc(gen, module, (uint64_t)(uintptr_t)owner);
	callee = snapgen_pc(gen, 0, 0x7000001);
	site(gen, (const uint32_t[]){ pc, 0 }, 20);
	site(gen, (const uint32_t[]){ callee, pc, 0 }, 10);
	model = comparison_load(gen);
	model->modules[module] = self.module;
	profile = profile_of_models(NULL, model);

	assert_int_equal(profile->n_sample, 2);
	leaf = frame(profile, 0, 0);
	middle = frame(profile, 1, 1);
	assert_int_equal(leaf->n_line, 1);
	assert_string_equal(line_name(profile, leaf, 0), "pprof_owner");
	assert_int_equal(middle->n_line, 2);
	assert_string_equal(line_name(profile, middle, 0), "xmalloc_pprof");
	assert_string_equal(line_name(profile, middle, 1), "pprof_owner");
	/* The last two bytes of the call. */
	assert_int_equal(leaf->address, (uintptr_t)owner - 1);
	assert_int_equal(middle->address, (uintptr_t)owner - 2);
	assert_true(profile->mapping[0]->has_filenames);
	assert_true(profile->mapping[0]->has_line_numbers);
	assert_true(profile->mapping[0]->has_inline_frames);
	release(profile);
}

static void
top_keeps_the_totals(void **state)
{
	Perftools__Profiles__Profile *all =
		profile_of(NULL, story_server_new());
	Perftools__Profiles__Profile *few;
	unsigned value;

	(void)state;
	settings.top = 1;
	few = profile_of(NULL, story_server_new());
	assert_int_equal(few->n_sample, 2);
	assert_string_equal(name_of(few, frame(few, 1, 0)),
			    "[other call stacks]");
	for (value = 0; value < VALUES; value++)
		assert_int_equal(total(few, value), total(all, value));
	release(all);
	release(few);
}

static void
paths_that_are_no_text_are_made_one(void **state)
{
	struct snapgen *gen = snapgen_new();
	uint32_t module = snapgen_module(gen, "/\xff\xc3\xa9\n\xed\xa0\x80",
					 "id", 0x10000, 0x1000);
	Perftools__Profiles__Profile *profile;

	(void)state;
	site(gen, (const uint32_t[]){ snapgen_pc(gen, module, 0x10011), 0 }, 1);
	profile = profile_of(NULL, gen);
	assert_string_equal(text_of(profile, profile->mapping[0]->filename),
			    "/\\xff\xc3\xa9\\n\\xed\\xa0\\x80");
	release(profile);
}

static void
nothing_allocated_is_a_valid_profile(void **state)
{
	Perftools__Profiles__Profile *profile = profile_of(NULL, story_idle());

	(void)state;
	assert_int_equal(profile->n_sample, 0);
	assert_int_equal(profile->n_sample_type, VALUES);
	release(profile);
}

static void
comments_say_what_it_is(void **state)
{
	Perftools__Profiles__Profile *profile =
		profile_of(story_server_old(), story_server_other());
	const char *text;
	size_t i;

	(void)state;
	assert_true(profile->n_comment >= 4);
	for (i = 0; i < profile->n_comment; i++) {
		text = text_of(profile, profile->comment[i]);
		/* A reader takes such a comment for a command. */
		assert_null(strstr(text, "executableInfo="));
	}
	assert_memory_equal(text_of(profile, profile->comment[0]), "leakshim ",
			    9);
	assert_memory_equal(text_of(profile, profile->comment[1]), "base: ", 6);
	assert_memory_equal(text_of(profile, profile->comment[2]), "new: ", 5);
	release(profile);
}

static void
sampled_counts_are_estimates_of_the_whole(void **state)
{
	Perftools__Profiles__Profile *exact =
		profile_of(NULL, story_server_new());
	Perftools__Profiles__Profile *sampled =
		profile_of(NULL, story_server_sampled());

	(void)state;
	assert_int_equal(sampled->period, 512 * 1024);
	assert_int_equal(total(sampled, ALLOC_OBJECTS),
			 total(exact, ALLOC_OBJECTS));
	release(exact);
	release(sampled);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(types_are_those_of_go_in_its_order),
		TEST(one_snapshot_is_a_moment),
		TEST(two_snapshots_are_a_window),
		TEST(old_snapshot_is_the_base_and_negative),
		TEST(one_snapshot_has_no_base),
		TEST(growth_only_has_neither_labels_nor_negative_values),
		TEST(threads_are_a_threadcreate_profile),
		TEST(what_is_hidden_keeps_the_totals),
		TEST(largest_numbers_come_through),
		TEST(addresses_are_of_the_call_in_the_true_place),
		TEST(frames_of_the_shim_are_cut),
		TEST(moved_program_is_the_same_program),
		TEST(modules_at_one_place_in_two_processes_do_not_clash),
		TEST(code_in_no_module_has_an_address_but_no_mapping),
		TEST(unknown_stacks_have_a_frame),
		TEST(truncated_stacks_say_so_at_their_outer_end),
		TEST(stacks_that_differ_only_in_cut_frames_are_one_sample),
		TEST(nameless_code_keeps_its_place_as_name),
		TEST(without_symbols_names_are_left_to_pprof),
		TEST(stacks_begin_at_the_blamed_function),
		TEST(top_keeps_the_totals),
		TEST(paths_that_are_no_text_are_made_one),
		TEST(nothing_allocated_is_a_valid_profile),
		TEST(comments_say_what_it_is),
		TEST(sampled_counts_are_estimates_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
