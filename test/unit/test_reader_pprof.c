/*
 * Profiles of other producers as models: what they mean, what is refused. The
 * profiles are made here, field by field, against the formats alone. What a
 * hostile file must not do is caught by the sanitizers, and by model_check.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/reader.h"
#include "../../analyzer/reader_build.h"
#include "../../analyzer/strbuf.h"
#include "../../analyzer/symbolize.h"
#include "../../analyzer/xalloc.h"
#include "model_check.h"
#include "snapgen.h"

/* --- making profiles --------------------------------------------------------- */

static void
put_varint(struct strbuf *out, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		strbuf_addc(out, (char)(value | 0x80));
	strbuf_addc(out, (char)value);
}

static void
put_number(struct strbuf *out, unsigned int field, uint64_t value)
{
	put_varint(out, field << 3);
	put_varint(out, value);
}

static void
put_bytes(struct strbuf *out, unsigned int field, const void *bytes, size_t len)
{
	put_varint(out, field << 3 | 2);
	put_varint(out, len);
	strbuf_add(out, bytes, len);
}

/* Puts a message and forgets it. */
static void
put_message(struct strbuf *out, unsigned int field, struct strbuf *message)
{
	put_bytes(out, field, strbuf_text(message), message->len);
	strbuf_release(message);
}

/* Texts are put when first used, so they are mixed with all else. */
struct gen {
	struct strbuf out;
	const char *texts[64];
	size_t text_count;
	size_t value_count;
};

static uint64_t
text(struct gen *gen, const char *wanted)
{
	size_t i;

	if (gen->text_count == 0) {
		gen->texts[gen->text_count++] = "";
		put_bytes(&gen->out, 6, "", 0);
	}
	for (i = 0; i < gen->text_count; i++) {
		if (strcmp(gen->texts[i], wanted) == 0)
			return i;
	}
	assert_true(gen->text_count < 64);
	put_bytes(&gen->out, 6, wanted, strlen(wanted));
	gen->texts[gen->text_count] = wanted;
	return gen->text_count++;
}

static void
value_type(struct gen *gen, unsigned int field, const char *type,
	   const char *unit)
{
	struct strbuf message = { 0 };

	put_number(&message, 1, text(gen, type));
	put_number(&message, 2, text(gen, unit));
	put_message(&gen->out, field, &message);
}

static void
type(struct gen *gen, const char *name, const char *unit)
{
	value_type(gen, 1, name, unit);
	gen->value_count++;
}

static void
mapping(struct gen *gen, uint64_t id, uint64_t start, uint64_t limit,
	uint64_t offset, const char *file, const char *build_id)
{
	struct strbuf message = { 0 };

	put_number(&message, 1, id);
	put_number(&message, 2, start);
	put_number(&message, 3, limit);
	put_number(&message, 4, offset);
	put_number(&message, 5, text(gen, file));
	put_number(&message, 6, text(gen, build_id));
	put_message(&gen->out, 3, &message);
}

static void
function(struct gen *gen, uint64_t id, const char *name,
	 const char *system_name, const char *file)
{
	struct strbuf message = { 0 };

	put_number(&message, 1, id);
	put_number(&message, 2, text(gen, name));
	put_number(&message, 3, text(gen, system_name));
	put_number(&message, 4, text(gen, file));
	put_message(&gen->out, 5, &message);
}

/* One line for each of the functions (0 ends them); numbers are 10, 20 ... */
static void
location(struct gen *gen, uint64_t id, uint64_t in, uint64_t address,
	 const uint64_t *functions)
{
	struct strbuf message = { 0 };
	struct strbuf line = { 0 };
	size_t i;

	put_number(&message, 1, id);
	put_number(&message, 2, in);
	put_number(&message, 3, address);
	for (i = 0; functions && functions[i]; i++) {
		put_number(&line, 1, functions[i]);
		put_number(&line, 2, 10 * (i + 1));
		put_message(&message, 4, &line);
	}
	put_message(&gen->out, 4, &message);
}

/* Locations end with 0. */
static void
sample(struct gen *gen, const uint64_t *locations, const int64_t *values)
{
	struct strbuf message = { 0 };
	struct strbuf packed = { 0 };
	size_t i;

	/* One packed, one not: both are allowed. */
	for (i = 0; locations[i]; i++)
		put_number(&message, 1, locations[i]);
	for (i = 0; i < gen->value_count; i++)
		put_varint(&packed, (uint64_t)values[i]);
	put_message(&message, 2, &packed);
	put_message(&gen->out, 2, &message);
}

#define LIST(type, ...) ((const type[]){ __VA_ARGS__ })
#define FUNCTIONS(...) LIST(uint64_t, __VA_ARGS__, 0)
#define SAMPLE(gen, locations, ...)                                            \
	sample(gen, locations, LIST(int64_t, __VA_ARGS__))
#define AT(...) LIST(uint64_t, __VA_ARGS__, 0)

#define MAIN_BUILD_ID "00112233445566778899aabbccddeeff00112233"

/* A Go program with a C library. 1 is in use by leak <- (inlined) caller <-
 * main, 2 by library <- main. */
static void
go_profile(struct gen *gen)
{
	value_type(gen, 11, "space", "bytes");
	put_number(&gen->out, 12, 524288);
	type(gen, "alloc_objects", "count");
	type(gen, "alloc_space", "bytes");
	type(gen, "inuse_objects", "count");
	type(gen, "inuse_space", "bytes");
	mapping(gen, 1, 0x400000, 0x4b6000, 0, "/opt/app", MAIN_BUILD_ID);
	mapping(gen, 2, 0x7f0000001000, 0x7f0000002000, 0x1000, "/lib/x.so",
		"");
	function(gen, 1, "main.leak", "main.leak", "/src/leak.go");
	function(gen, 2, "main.caller", "", "/src/leak.go");
	function(gen, 3, "main.main", "main.main", "/src/main.go");
	location(gen, 1, 1, 0x400fff, FUNCTIONS(1, 2));
	location(gen, 2, 1, 0x401fff, FUNCTIONS(3));
	location(gen, 3, 2, 0x7f0000001233, NULL);
	SAMPLE(gen, AT(1, 2), 10, 1000, 4, 400);
	SAMPLE(gen, AT(3, 2), 7, 70, 7, 70);
	SAMPLE(gen, AT(1, 2), 1, 100, 0, 0);
	put_number(&gen->out, 9, UINT64_C(1700000000000000000));
}

/* --- loading ----------------------------------------------------------------- */

static struct model *
load_bytes(const void *bytes, size_t len, struct err *err)
{
	struct model *model = reader_load(snapgen_file(bytes, len), err);
	const char *broken;

	if (!model)
		return NULL;
	broken = model_broken(model);
	if (broken)
		fail_msg("not true: %s", broken);
	return model;
}

/* As it is, and as gzip; both must be the same. Releases `gen`. */
static struct model *
load(struct gen *gen, struct err *err)
{
	struct snapgen_buffer zipped =
		snapgen_gzip(strbuf_text(&gen->out), gen->out.len);
	struct model *plain =
		load_bytes(strbuf_text(&gen->out), gen->out.len, err);
	enum err_code code = plain ? ERR_NONE : err->code;
	struct model *model = load_bytes(zipped.data, zipped.len, err);

	assert_true(!plain == !model);
	if (plain)
		assert_int_equal(plain->site_count, model->site_count);
	else if (code != ERR_NOT_GZIP)
		assert_int_equal(code, err->code);
	model_free(plain);
	free(zipped.data);
	strbuf_release(&gen->out);
	*gen = (struct gen){ 0 };
	return model;
}

static struct model *
load_good(struct gen *gen)
{
	struct err err;
	struct model *model = load(gen, &err);

	if (!model)
		fail_msg("%s", err.text);
	assert_int_equal(model->origin, ORIGIN_PROFILE);
	return model;
}

static void
assert_refused(struct gen *gen, enum err_code code, const char *words)
{
	struct err err;

	assert_null(load(gen, &err));
	if (!strstr(err.text, words))
		fail_msg("'%s' in '%s'", words, err.text);
	assert_null(strchr(err.text, '\n'));
	assert_int_equal(err.code, code);
	snapgen_clean();
}

static struct model *
load_text(const char *bytes, struct err *err)
{
	return load_bytes(bytes, strlen(bytes), err);
}

static struct model *
load_good_text(const char *bytes)
{
	struct err err;
	struct model *model = load_text(bytes, &err);

	if (!model)
		fail_msg("%s", err.text);
	assert_int_equal(model->origin, ORIGIN_PROFILE);
	return model;
}

static void
assert_text_refused(const char *bytes, enum err_code code, const char *words)
{
	struct err err;

	assert_null(load_text(bytes, &err));
	if (!strstr(err.text, words))
		fail_msg("'%s' in '%s'", words, err.text);
	assert_int_equal(err.code, code);
}

static const struct pc *
frame(const struct model *model, struct node_id node, unsigned int from_inside)
{
	while (from_inside-- > 0)
		node = model_node(model, node)->parent;
	assert_int_not_equal(node.id, 0);
	return model_pc(model, model_node(model, node)->pc);
}

static int
clean(void **state)
{
	(void)state;
	snapgen_clean();
	return 0;
}

/* --- pprof ------------------------------------------------------------------- */

static void
go_profile_is_read(void **state)
{
	struct gen gen = { 0 };
	const struct module *module;
	const struct symbols *names;
	const struct site *site;
	struct model *model;

	(void)state;
	go_profile(&gen);
	model = load_good(&gen);
	assert_int_equal(model->site_count, 2);
	site = &model->sites[1];
	assert_int_equal(site->counts.alloc_objects, 11);
	assert_int_equal(site->counts.alloc_bytes, 1100);
	assert_int_equal(site->counts.free_objects, 7);
	assert_int_equal(site->counts.free_bytes, 700);
	assert_int_equal(site->counts.live_objects, 4);
	assert_int_equal(site->counts.live_bytes, 400);
	assert_int_equal(site->flags, 0);
	assert_int_equal(model_node(model, site->node)->depth, 2);
	/* Ours are return addresses. */
	assert_int_equal(frame(model, site->node, 0)->address, 0x401000);
	names = frame(model, site->node, 0)->symbols;
	assert_int_equal(names->count, 2);
	assert_true(names->named);
	assert_string_equal(names->entries[0].function, "main.leak");
	assert_string_equal(names->entries[0].file, "/src/leak.go");
	assert_int_equal(names->entries[0].line, 10);
	assert_string_equal(names->entries[1].function, "main.caller");
	assert_string_equal(names->entries[1].linkage_name, "main.caller");
	assert_int_equal(names->entries[1].line, 20);
	/* Not position-independent: addresses are the file's. */
	module = model_module(model, frame(model, site->node, 0)->module);
	assert_string_equal(module->path, "/opt/app");
	assert_int_equal(module->build_id_bytes, 20);
	assert_memory_equal(module->build_id, "\x00\x11\x22\x33", 4);
	assert_false(module->build_id_unknown);
	assert_int_equal(module->segments[0].vaddr, 0x400000);
	/* The library without names is left to the symbolizer. */
	site = &model->sites[2];
	assert_null(frame(model, site->node, 0)->symbols);
	module = model_module(model, frame(model, site->node, 0)->module);
	assert_string_equal(module->path, "/lib/x.so");
	assert_true(module->build_id_unknown);
	assert_int_equal(module->segments[0].vaddr, 0x1000);
	assert_int_equal(module->segments[0].file_offset, 0x1000);
	/* Both came from the same caller. */
	assert_int_equal(model->node_count, 3);
	assert_string_equal(model->header.exe, "/opt/app");
	assert_string_equal(model->header.exe_build_id, MAIN_BUILD_ID);
	assert_int_equal(model->header.wall_ns, UINT64_C(1700000000000000000));
	assert_int_equal(model->header.monotonic_ns, model->header.wall_ns);
	assert_int_equal(model->header.sample_bytes, 524288);
	assert_int_equal(model->header.count_scale, 1);
	assert_int_equal(model->header.sequence, 0);
	assert_int_equal(model->raised_rows, 0);
	assert_false(model->truncated);
	model_free(model);
}

struct producer {
	const char *types[8][2];
	uint64_t alloc_bytes; /* values are 1, 2, 3 ... */
	uint64_t live_objects;
	uint64_t live_bytes;
};

static void
columns_are_found_by_their_names(void **state)
{
	static const struct producer producers[] = {
		/* tcmalloc */
		{ { { "objects", "count" },
		    { "space", "bytes" },
		    { "resident_space", "bytes" } },
		  0,
		  1,
		  2 },
		/* ddprof */
		{ { { "alloc-space", "bytes" },
		    { "alloc-samples", "count" },
		    { "inuse-space", "bytes" },
		    { "inuse-objects", "count" } },
		  3,
		  4,
		  3 },
		/* jemalloc's of Rust */
		{ { { "inuse_space", "bytes" } }, 0, 0, 1 },
		/* perfetto */
		{ { { "Total malloc count", "count" },
		    { "Total malloc size", "bytes" },
		    { "Unreleased malloc count", "count" },
		    { "Unreleased malloc size", "bytes" } },
		  4,
		  3,
		  4 },
	};
	struct gen gen = { 0 };
	struct model *model;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(producers) / sizeof(producers[0]); i++) {
		const struct producer *producer = &producers[i];
		const struct counts *counts;

		for (k = 0; producer->types[k][0]; k++)
			type(&gen, producer->types[k][0],
			     producer->types[k][1]);
		location(&gen, 9, 0, 0x1000, NULL);
		SAMPLE(&gen, AT(9), 1, 2, 3, 4, 5, 6);
		model = load_good(&gen);
		assert_int_equal(model->site_count, 1);
		counts = &model->sites[1].counts;
		assert_int_equal(counts->live_objects, producer->live_objects);
		assert_int_equal(counts->live_bytes, producer->live_bytes);
		assert_int_equal(counts->alloc_bytes, producer->alloc_bytes);
		model_free(model);
	}
}

static void
more_in_use_than_allocated_is_raised_and_counted(void **state)
{
	struct gen gen = { 0 };
	struct model *model;
	struct counts *counts;

	(void)state;
	go_profile(&gen);
	SAMPLE(&gen, AT(1), 5, 500, 6, 400);
	model = load_good(&gen);
	assert_int_equal(model->raised_rows, 1);
	counts = &model->sites[3].counts;
	assert_int_equal(counts->alloc_objects, 6);
	assert_int_equal(counts->free_objects, 0);
	assert_int_equal(counts->live_objects, 6);
	assert_int_equal(counts->free_bytes, 100);
	model_free(model);
}

static void
counts_of_what_runs_are_thread_sites(void **state)
{
	struct gen gen = { 0 };
	struct model *model;

	(void)state;
	type(&gen, "goroutine", "count");
	location(&gen, 1, 0, 0x1000, NULL);
	SAMPLE(&gen, AT(1), 5);
	SAMPLE(&gen, AT(1, 1), 2);
	model = load_good(&gen);
	assert_int_equal(model->site_count, 0);
	assert_int_equal(model->thread_site_count, 2);
	assert_int_equal(model->thread_sites[1].running, 5);
	assert_int_equal(model->thread_sites[1].created, 5);
	assert_int_equal(model->thread_sites[2].running, 2);
	assert_int_equal(model->header.sample_bytes, 1);
	model_free(model);
}

static void
other_profiles_are_refused_by_what_they_hold(void **state)
{
	struct gen gen = { 0 };

	(void)state;
	type(&gen, "samples", "count");
	type(&gen, "cpu", "nanoseconds");
	assert_refused(&gen, ERR_FOREIGN,
		       "holds samples/count, cpu/nanoseconds: not a heap "
		       "profile");
	type(&gen, "alloc_objects", "count");
	type(&gen, "alloc_space", "bytes");
	assert_refused(&gen, ERR_FOREIGN, "holds alloc_objects/count");
	/* The name alone is not enough. */
	type(&gen, "inuse_space", "kilobytes");
	assert_refused(&gen, ERR_FOREIGN, "holds inuse_space/kilobytes");
}

static void
differences_are_refused(void **state)
{
	struct gen gen = { 0 };

	(void)state;
	go_profile(&gen);
	SAMPLE(&gen, AT(1, 2), 0, 0, -1, -100);
	assert_refused(&gen, ERR_FOREIGN, "difference of two profiles");
	/* Ours says so itself, even if nothing shrank. */
	put_number(&gen.out, 13, text(&gen, "leakshim 1.0"));
	put_number(&gen.out, 13,
		   text(&gen, "base: snapshot 1 of /opt/app, pid 7, then"));
	go_profile(&gen);
	assert_refused(&gen, ERR_FOREIGN, "difference of two snapshots");
}

static void
own_profiles_say_which_snapshot_they_are_of(void **state)
{
	struct gen gen = { 0 };
	struct model *model;

	(void)state;
	go_profile(&gen);
	put_number(&gen.out, 13, text(&gen, "leakshim 1.0"));
	put_number(&gen.out, 13,
		   text(&gen, "live: snapshot 12 of /opt/a, pid 1, pid 4711, "
			      "2026-01-01 00:00:00"));
	function(&gen, 10, "[truncated]", "[truncated]", "");
	function(&gen, 11, "[unknown call stack]", "[unknown call stack]", "");
	function(&gen, 12, "[call stacks beyond the memory cap]", "", "");
	function(&gen, 13, "app+0x1ffe", "", "");
	location(&gen, 10, 0, 0x7000000000000001, FUNCTIONS(10));
	location(&gen, 11, 0, 0x7000000000000002, FUNCTIONS(11));
	location(&gen, 12, 0, 0x7000000000000003, FUNCTIONS(12));
	location(&gen, 13, 1, 0x401ffe, FUNCTIONS(13));
	SAMPLE(&gen, AT(1, 10), 1, 1, 1, 1);
	SAMPLE(&gen, AT(11), 1, 2, 1, 2);
	SAMPLE(&gen, AT(12), 1, 3, 1, 3);
	SAMPLE(&gen, AT(13), 1, 4, 1, 4);
	model = load_good(&gen);
	assert_int_equal(model->header.pid, 4711);
	assert_int_equal(model->header.sequence, 12);
	assert_string_equal(model->header.shim_version, "1.0");
	assert_int_equal(model->site_count, 6);
	assert_int_equal(model->sites[3].flags, SITE_TRUNCATED);
	assert_int_equal(model_node(model, model->sites[3].node)->depth, 1);
	assert_int_equal(model->sites[4].node.id, 0);
	assert_int_equal(model->sites[4].flags, 0);
	assert_int_equal(model->sites[5].node.id, 0);
	assert_int_equal(model->sites[5].flags, SITE_OVERFLOW);
	/* What stands for no name is none. */
	assert_false(frame(model, model->sites[6].node, 0)->symbols->named);
	model_free(model);
}

static void
pieces_of_a_file_are_one_module(void **state)
{
	struct gen gen = { 0 };
	struct model *model;

	(void)state;
	type(&gen, "inuse_space", "bytes");
	mapping(&gen, 1, 0x7f0000001000, 0x7f0000002000, 0x1000, "/opt/a", "");
	mapping(&gen, 2, 0x7f0000003000, 0x7f0000004000, 0x3000, "/opt/a", "");
	/* Loaded once more, and another file. */
	mapping(&gen, 3, 0x7f0000005000, 0x7f0000006000, 0x1000, "/opt/a", "");
	mapping(&gen, 4, 0x7f0000007000, 0x7f0000008000, 0x3000, "/opt/b", "");
	/* No piece overlaps another. */
	mapping(&gen, 5, 0x7f0000007800, 0x7f0000009000, 0x3800, "/opt/b", "");
	location(&gen, 1, 1, 0x7f0000001234, NULL);
	location(&gen, 2, 2, 0x7f0000003234, NULL);
	location(&gen, 3, 3, 0x7f0000005234, NULL);
	SAMPLE(&gen, AT(1, 2, 3), 100);
	model = load_good(&gen);
	assert_int_equal(model->module_count, 4);
	assert_int_equal(model->modules[1].segment_count, 2);
	assert_int_equal(model->modules[1].segments[1].vaddr, 0x3000);
	assert_int_equal(frame(model, model->sites[1].node, 1)->module.id, 1);
	assert_int_equal(frame(model, model->sites[1].node, 2)->module.id, 2);
	model_free(model);
}

static void
mappings_of_any_length_are_read(void **state)
{
	static const uint64_t limits[][2] = { { 0, 0 },
					      { 0, UINT64_MAX },
					      { 0, INT64_MAX },
					      { 0x2000, 0x1000 } };
	struct gen gen = { 0 };
	const struct segment *segment;
	const struct pc *pc;
	struct model *model;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		type(&gen, "inuse_space", "bytes");
		mapping(&gen, 1, limits[i][0], limits[i][1], 0, "/opt/app", "");
		location(&gen, 1, 1, 0x1234, NULL);
		location(&gen, 2, 1, 0x5678, NULL);
		SAMPLE(&gen, AT(1, 2), 100);
		model = load_good(&gen);
		pc = frame(model, model->sites[1].node, 0);
		assert_int_equal(pc->address, 0x1235);
		assert_int_equal(pc->module.id, 1);
		assert_int_equal(model->modules[1].segment_count, 1);
		segment = &model->modules[1].segments[0];
		assert_int_equal(segment->start, 0x1234);
		assert_int_equal(segment->end, 0x5679);
		assert_int_equal(segment->vaddr, 0x1234);
		model_free(model);
	}
}

static void
location_without_place_is_its_names(void **state)
{
	struct gen gen = { 0 };
	struct model *model;
	const struct pc *pc;

	(void)state;
	type(&gen, "inuse_space", "bytes");
	mapping(&gen, 1, 0, INT64_MAX, 0, "runtime", "");
	mapping(&gen, 2, 0, 0, 0, "", "");
	function(&gen, 1, "Jit.compiled", "", "");
	location(&gen, 1, 1, 0, FUNCTIONS(1));
	location(&gen, 2, 0, 0x1000, FUNCTIONS(1));
	location(&gen, 3, 2, 0x1000, FUNCTIONS(1));
	location(&gen, 4, 0, 0x1000, NULL);
	location(&gen, 5, 0, 0, NULL);
	SAMPLE(&gen, AT(1, 2, 3, 4, 5), 100);
	model = load_good(&gen);
	for (unsigned int i = 0; i < 3; i++) {
		pc = frame(model, model->sites[1].node, i);
		assert_int_equal(pc->address, 0);
		assert_int_equal(pc->module.id, 0);
		assert_string_equal(pc->symbols->entries[0].function,
				    "Jit.compiled");
	}
	pc = frame(model, model->sites[1].node, 3);
	assert_int_equal(pc->address, 0x1001);
	assert_null(pc->symbols);
	pc = frame(model, model->sites[1].node, 4);
	assert_int_equal(pc->address, 0);
	assert_false(pc->symbols->named);
	model_free(model);
}

static void
sample_without_stack_counts(void **state)
{
	struct gen gen = { 0 };
	struct model *model;

	(void)state;
	go_profile(&gen);
	SAMPLE(&gen, AT(0), 1, 10, 1, 10);
	model = load_good(&gen);
	assert_int_equal(model->site_count, 3);
	assert_int_equal(model->sites[3].node.id, 0);
	assert_int_equal(model->sites[3].counts.live_bytes, 10);
	model_free(model);
}

static void
deep_stacks_lose_their_outer_frames(void **state)
{
	uint64_t deep[LKS_DEPTH_MAX + 12];
	struct gen gen = { 0 };
	struct model *model;
	size_t i;

	(void)state;
	go_profile(&gen);
	for (i = 0; i < LKS_DEPTH_MAX + 11; i++)
		deep[i] = i == 0 ? 1 : 2;
	deep[i] = 0;
	SAMPLE(&gen, deep, 3, 30, 2, 20);
	model = load_good(&gen);
	assert_int_equal(model->sites[3].flags, SITE_TRUNCATED);
	assert_int_equal(model_node(model, model->sites[3].node)->depth,
			 LKS_DEPTH_MAX);
	assert_int_equal(frame(model, model->sites[3].node, 0)->address,
			 0x401000);
	assert_int_equal(model->losses.truncated_stacks, 3);
	model_free(model);
}

static void
rows_of_any_number_are_found(void **state)
{
	struct gen gen = { 0 };
	struct model *model;

	(void)state;
	type(&gen, "inuse_space", "bytes");
	mapping(&gen, UINT64_MAX, 0x1000, 0x2000, 0, "/opt/app", "");
	function(&gen, 1 << 20, "f", "", "");
	function(&gen, 7, "g", "", "");
	location(&gen, 3, UINT64_MAX, 0x1fff, FUNCTIONS(7));
	location(&gen, UINT64_C(1) << 63, UINT64_MAX, 0x1001,
		 FUNCTIONS(1 << 20));
	SAMPLE(&gen, AT(3, UINT64_C(1) << 63), 1);
	model = load_good(&gen);
	assert_string_equal(frame(model, model->sites[1].node, 0)
				    ->symbols->entries[0]
				    .function,
			    "g");
	assert_string_equal(frame(model, model->sites[1].node, 1)
				    ->symbols->entries[0]
				    .function,
			    "f");
	model_free(model);
}

static void
broken_references_are_refused(void **state)
{
	struct gen gen = { 0 };

	(void)state;
	go_profile(&gen);
	SAMPLE(&gen, AT(4), 1, 1, 1, 1);
	assert_refused(&gen, ERR_CORRUPT, "there is no location 4");
	go_profile(&gen);
	location(&gen, 4, 3, 1, NULL);
	assert_refused(&gen, ERR_CORRUPT, "there is no mapping 3");
	go_profile(&gen);
	location(&gen, 4, 1, 1, FUNCTIONS(4));
	assert_refused(&gen, ERR_CORRUPT, "there is no function 4");
	go_profile(&gen);
	put_bytes(&gen.out, 5, "\x08\x09\x10\x7f", 4);
	assert_refused(&gen, ERR_CORRUPT, "there is no text 127");
	go_profile(&gen);
	location(&gen, 3, 1, 1, NULL);
	assert_refused(&gen, ERR_CORRUPT, "two locations have number 3");
	go_profile(&gen);
	function(&gen, 0, "f", "", "");
	assert_refused(&gen, ERR_CORRUPT, "a function with number 0");
	go_profile(&gen);
	gen.value_count = 3;
	SAMPLE(&gen, AT(1), 1, 1, 1);
	assert_refused(&gen, ERR_CORRUPT, "a sample of 3 values, not 4");
	go_profile(&gen);
	put_bytes(&gen.out, 6, "a\0b", 3);
	put_bytes(&gen.out, 5, "\x08\x09\x10\x10", 4);
	gen.texts[gen.text_count++] = "?";
	assert_refused(&gen, ERR_CORRUPT, "has a NUL in it");
}

static void
amounts_beyond_all_memory_are_refused(void **state)
{
	struct gen gen = { 0 };

	(void)state;
	go_profile(&gen);
	SAMPLE(&gen, AT(1), 1, INT64_MAX / 2, 1, 1);
	assert_refused(&gen, ERR_CORRUPT, "beyond all memory");
	type(&gen, "goroutine", "count");
	SAMPLE(&gen, AT(0), INT64_MAX);
	assert_refused(&gen, ERR_CORRUPT, "beyond all memory");
	/* The last of a field counts. */
	go_profile(&gen);
	put_number(&gen.out, 12, INT64_MAX);
	assert_refused(&gen, ERR_CORRUPT,
		       "sampling rate of 9223372036854775807");
	assert_text_refused("heap_v2/1099511627777\n", ERR_CORRUPT,
			    "sampling rate of 1099511627777");
	assert_text_refused("heap profile: 0: 0 [0: 0] @ heap/9999999999999\n",
			    ERR_CORRUPT, "sampling rate of 5000000000000");
}

static void
two_profiles_in_one_file_are_refused(void **state)
{
	struct gen gen = { 0 };

	(void)state;
	go_profile(&gen);
	put_number(&gen.out, 9, 1);
	assert_refused(&gen, ERR_CORRUPT, "several profiles in one file");
}

static void
broken_fields_are_refused(void **state)
{
	struct gen gen = { 0 };

	(void)state;
	go_profile(&gen);
	put_bytes(&gen.out, 2, "\xff", 1);
	assert_refused(&gen, ERR_CORRUPT, "the sample is not a message");
	go_profile(&gen);
	put_number(&gen.out, 2, 5);
	assert_refused(&gen, ERR_CORRUPT, "wrong type");
	go_profile(&gen);
	put_bytes(&gen.out, 9, "", 0);
	assert_refused(&gen, ERR_CORRUPT, "wrong type");
	go_profile(&gen);
	strbuf_adds(&gen.out, "\x0b");
	assert_refused(&gen, ERR_CORRUPT, "impossible field type");
	/* Nothing said yet that it is a profile. */
	strbuf_adds(&gen.out, "\x13\x05");
	assert_refused(&gen, ERR_FOREIGN, "neither a snapshot nor a heap");
}

static void
unknown_fields_are_skipped(void **state)
{
	struct gen gen = { 0 };
	struct model *model;

	(void)state;
	go_profile(&gen);
	put_number(&gen.out, 100, 5);
	put_bytes(&gen.out, 101, "later", 5);
	put_varint(&gen.out, 102 << 3 | 1);
	strbuf_add(&gen.out, "12345678", 8);
	put_varint(&gen.out, 102 << 3 | 5);
	strbuf_add(&gen.out, "1234", 4);
	model = load_good(&gen);
	assert_int_equal(model->site_count, 2);
	model_free(model);
}

/* Every prefix is one error, and every changed byte an error or a whole
 * model. */
static void
no_prefix_and_no_changed_byte_breaks_the_model(void **state)
{
	struct gen gen = { 0 };
	struct snapgen_buffer zipped;
	struct model *model;
	struct err err;
	char *bytes;
	size_t i, len;

	(void)state;
	go_profile(&gen);
	bytes = gen.out.data;
	len = gen.out.len;
	for (i = 0; i < len; i++) {
		model = load_bytes(bytes, i, &err);
		model_free(model);
		if (!model)
			assert_int_not_equal(err.code, ERR_NONE);
		snapgen_clean();
	}
	for (i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (char)(1 << i % 8);
		model_free(load_bytes(bytes, len, &err));
		bytes[i / 8] ^= (char)(1 << i % 8);
		snapgen_clean();
	}
	zipped = snapgen_gzip(bytes, len);
	for (i = 1; i < zipped.len; i++) {
		assert_null(load_bytes(zipped.data, i, &err));
		snapgen_clean();
	}
	free(zipped.data);
	strbuf_release(&gen.out);
}

static void
bomb_is_refused(void **state)
{
	struct gen gen = { 0 };
	struct snapgen_buffer zipped;
	char *zeros = xcalloc(1, LKS_FIELD_BYTES);
	struct err err;
	size_t i;

	(void)state;
	go_profile(&gen);
	for (i = 0; i < PROFILE_BYTES_MAX / LKS_FIELD_BYTES; i++)
		put_bytes(&gen.out, 100, zeros, LKS_FIELD_BYTES);
	free(zeros);
	zipped = snapgen_gzip(strbuf_text(&gen.out), gen.out.len);
	strbuf_release(&gen.out);
	assert_true(zipped.len < 2 << 20);
	assert_null(load_bytes(zipped.data, zipped.len, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_non_null(strstr(err.text, "larger than any profile"));
	free(zipped.data);
}

static void
rows_are_bounded(void **state)
{
	struct gen gen = { 0 };
	size_t i;

	(void)state;
	go_profile(&gen);
	for (i = 0; i < PROFILE_ROWS_MAX; i++)
		put_bytes(&gen.out, 6, "", 0);
	assert_refused(&gen, ERR_TOO_LARGE, "more than 4194304 texts");
}

/* --- text -------------------------------------------------------------------- */

#define MAPS                                                                   \
	"MAPPED_LIBRARIES:\n"                                                  \
	"55deb9559000-55deb955a000 r--p 00000000 00:00 11    /opt/leaky\n"     \
	"55deb955a000-55deb955b000 r-xp 00001000 00:00 11    /opt/leaky\n"     \
	"55deb955b000-55deb955c000 rw-p 00002000 00:00 11    /opt/leaky\n"     \
	"55deb955e000-55deb9621000 rw-p 00000000 00:00 0           \n"         \
	"7f5bb4e1e000-7f5bb4e44000 r--p 00000000 08:01 33   /lib/a b.so.6\n"   \
	"7f5bb4e44000-7f5bb4f99000 r-xp 00020000 08:01 33   /lib/a b.so.6\n"   \
	"7ffe9f15e000-7ffe9f17f000 rw-p 00000000 00:00 0   [stack]\n"

#define GPERFTOOLS                                                             \
	"heap profile:   1500:  6144000 [  3500: 22528000] @ heapprofile\n"    \
	"  1500:  6144000 [  1500:  6144000] @ 0x55deb955a1f2 "                \
	"0x7f5bb4e4524a\n"                                                     \
	"     0:        0 [  2000: 16384000] @ 0x55deb955a24d\n"               \
	"\n" MAPS

static void
gperftools_profile_is_read(void **state)
{
	struct model *model = load_good_text(GPERFTOOLS);
	const struct module *module;
	const struct pc *pc;

	(void)state;
	assert_int_equal(model->site_count, 2);
	assert_int_equal(model->sites[1].counts.live_bytes, 6144000);
	assert_int_equal(model->sites[2].counts.alloc_objects, 2000);
	assert_int_equal(model->sites[2].counts.free_bytes, 16384000);
	pc = frame(model, model->sites[1].node, 0);
	assert_int_equal(pc->address, 0x55deb955a1f2);
	assert_null(pc->symbols);
	module = model_module(model, pc->module);
	assert_string_equal(module->path, "/opt/leaky");
	assert_true(module->build_id_unknown);
	assert_int_equal(module->segments[0].vaddr, 0x1000);
	module = model_module(model,
			      frame(model, model->sites[1].node, 1)->module);
	assert_string_equal(module->path, "/lib/a b.so.6");
	assert_int_equal(module->segments[0].file_offset, 0x20000);
	/* Where the file begins, not its offset. */
	assert_int_equal(module->segments[0].vaddr, 0x26000);
	assert_string_equal(model->header.exe, "/opt/leaky");
	assert_int_equal(model->header.sample_bytes, 1);
	assert_true(model->header.wall_ns > 0);
	assert_false(model->totals_disagree);
	model_free(model);
}

static void
row_without_stack_counts(void **state)
{
	struct model *model =
		load_good_text("heap profile: 3: 30 [ 5: 50] @ heapprofile\n"
			       " 2: 20 [ 2: 20] @\n"
			       "#\t0x1\tf+0x1\t/a.go:1\n"
			       " 1: 10 [ 3: 30] @\n");

	(void)state;
	assert_int_equal(model->site_count, 1);
	assert_int_equal(model->sites[1].node.id, 0);
	assert_int_equal(model->sites[1].counts.live_bytes, 30);
	assert_int_equal(model->sites[1].counts.free_objects, 2);
	assert_false(model->totals_disagree);
	model_free(model);
}

static void
text_that_lacks_rows_disagrees_with_its_header(void **state)
{
	struct model *model =
		load_good_text("heap profile: 3: 30 [ 5: 50] @ heapprofile\n"
			       " 2: 20 [ 2: 20] @ 0x1234\n");

	(void)state;
	assert_true(model->totals_disagree);
	model_free(model);
}

/* 4,096 bytes of 512 KiB are seen once in 128.5. */
static void
sampled_text_is_scaled_up(void **state)
{
	struct model *model = load_good_text(
		"heap profile:  4: 16384 [ 4: 16384] @ heap_v2/524288\n"
		" 1: 4096 [ 1: 4096] @ 0x1234\n"
		" 1: 4096 [ 1: 4096] @ 0x1234\n"
		" 2: 8192 [ 2: 8192] @ 0x1234\n\n" MAPS);
	struct counts *counts = &model->sites[1].counts;

	(void)state;
	assert_int_equal(model->site_count, 1);
	assert_int_equal(counts->live_objects, 514);
	assert_int_equal(counts->live_bytes, 2105355);
	/* Not known, though it is there. */
	assert_int_equal(counts->alloc_objects, 0);
	assert_int_equal(model->header.sample_bytes, 524288);
	assert_false(model->totals_disagree);
	model_free(model);
}

static void
go_text_brings_its_names(void **state)
{
	struct model *model = load_good_text(
		"heap profile: 4: 40 [8: 80] @ heap/8192\n"
		"4: 40 [8: 80] @ 0x41 0x4b5cb1 0x4b5fa5 0x462341\n"
		"#\t0x4b5cb0\tmain.(*T).leak+0x50\t/tmp/a.go:17\n"
		"#\t0x4b5fa4\tmain.main+0x44\t\t/tmp/a.go:43\n"
		"\n\n# runtime.MemStats\n# Alloc = 5\n");
	const struct pc *pc = frame(model, model->sites[1].node, 0);

	(void)state;
	assert_string_equal(pc->symbols->entries[0].function, "main.(*T).leak");
	assert_string_equal(pc->symbols->entries[0].file, "/tmp/a.go");
	assert_int_equal(pc->symbols->entries[0].line, 17);
	assert_int_equal(pc->address, 0);
	/* Neither end is named: both are the runtime's. */
	assert_int_equal(model_node(model, model->sites[1].node)->depth, 2);
	assert_int_equal(model->header.sample_bytes, 4096);
	/* 10 bytes of 4 KiB: once in 410.1 */
	assert_int_equal(model->sites[1].counts.live_objects, 1640);
	assert_int_equal(model->sites[1].counts.alloc_objects, 3281);
	model_free(model);
}

static void
jemalloc_text_is_read(void **state)
{
	struct model *model = load_good_text("heap_v2/1\n"
					     "  t*: 3: 300 [0: 0]\n"
					     "  t0: 3: 300 [0: 0]\n"
					     "@ 0x55deb955a1f2 0x1\n"
					     "  t*: 2: 200 [0: 0]\n"
					     "  t0: 1: 100 [0: 0]\n"
					     "  t3: 1: 100 [0: 0]\n"
					     "@ 0x55deb955a24d\n"
					     "  t*: 1: 100 [0: 0]\n"
					     "\n" MAPS);

	(void)state;
	assert_int_equal(model->site_count, 2);
	assert_int_equal(model->sites[1].counts.live_objects, 2);
	assert_int_equal(model->sites[2].counts.live_bytes, 100);
	assert_string_equal(model->header.exe, "/opt/leaky");
	model_free(model);
}

static void
text_of_counts_is_thread_sites(void **state)
{
	struct model *model =
		load_good_text("goroutine profile: total 7\n"
			       "5 @ 0x437832 0x462341\n"
			       "#\t0x437831\tmain.f+0x1\t/a.go:1\n"
			       "\n"
			       "2 @ 0x462341\n");

	(void)state;
	assert_int_equal(model->thread_site_count, 2);
	assert_int_equal(model->thread_sites[1].running, 5);
	assert_int_equal(model->site_count, 0);
	model_free(model);
}

static void
broken_text_is_refused(void **state)
{
	(void)state;
	assert_text_refused("heap profile: 1: 2 [ 3: 4] @ growthz\n",
			    ERR_FOREIGN, "holds growthz: not a heap profile");
	assert_text_refused("heap profile: 1: 2 [ 3: 4]\n", ERR_CORRUPT,
			    "no header of a profile");
	assert_text_refused("heap_v2/x\n", ERR_CORRUPT,
			    "no header of a profile");
	assert_text_refused("heap profile: 0: 0 [0: 0] @ heapprofile\n"
			    "1: 2 [3: 4] 0x1\n",
			    ERR_CORRUPT, "no row of a profile");
	assert_text_refused("heap profile: 0: 0 [0: 0] @ heapprofile\n"
			    "1: 2 [3: 4] @ 0x1 x\n",
			    ERR_CORRUPT, "no address");
	assert_text_refused("heap profile: 0: 0 [0: 0] @ heapprofile\n"
			    "1: 2 [3: 4] @ 0x11112222333344445\n",
			    ERR_CORRUPT, "no address");
	assert_text_refused("heap profile: 0: 0 [0: 0] @ heapprofile\n"
			    "1: 99999999999999999999 [3: 4] @ 0x1\n",
			    ERR_CORRUPT, "no row of a profile");
	assert_text_refused("heap profile: 0: 0 [0: 0] @ heap_v2/512\n"
			    "0: 5 [0: 5] @ 0x1\n",
			    ERR_CORRUPT, "bytes in no objects");
	assert_text_refused(
		"heap profile: 0: 0 [0: 0] @ heap_v2/1000000000000\n"
		"400000000000000000: 400000000000000000 [0: 0] @ 0x1\n",
		ERR_CORRUPT, "beyond all memory");
}

static void
text_has_bounds(void **state)
{
	struct strbuf bytes = { 0 };
	struct err err;
	size_t i;

	(void)state;
	strbuf_adds(&bytes, "heap profile: 1: 2 [1: 2] @ heapprofile\n1: 2 "
			    "[1: 2] @");
	for (i = 0; i < 8000; i++)
		strbuf_addf(&bytes, " 0x%zx", i + 4096);
	assert_null(load_bytes(bytes.data, bytes.len, &err));
	assert_non_null(strstr(err.text, "a line without end"));
	strbuf_clear(&bytes);
	strbuf_add(&bytes, "heap_v2/1\n\0\n", 12);
	assert_null(load_bytes(bytes.data, bytes.len, &err));
	assert_non_null(strstr(err.text, "a NUL in it"));
	strbuf_release(&bytes);
}

static void
no_prefix_of_text_breaks_the_model(void **state)
{
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(GPERFTOOLS); i++) {
		model_free(load_bytes(GPERFTOOLS, i, &err));
		snapgen_clean();
	}
}

/* --- names and peeking ------------------------------------------------------- */

/* A file of that name in a directory of its own; loads or peeks and removes. */
static struct model *
with_name(const char *name, const char *bytes,
	  struct model *(*read)(const char *, struct err *))
{
	char directory[] = "/tmp/leakshim-names.XXXXXX";
	char path[128];
	struct model *model;
	struct err err;
	FILE *file;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(bytes, file);
	fclose(file);
	model = read(path, &err);
	unlink(path);
	rmdir(directory);
	if (!model)
		fail_msg("%s", err.text);
	return model;
}

static void
names_of_dumps_say_the_order(void **state)
{
	struct model *model =
		with_name("prof.0012.heap", GPERFTOOLS, reader_load);

	(void)state;
	assert_int_equal(model->header.sequence, 12);
	assert_int_equal(model->header.pid, 0);
	model_free(model);
	model = with_name("je.4711.0.f.heap", "heap_v2/1\n", reader_load);
	assert_int_equal(model->header.sequence, 1);
	assert_int_equal(model->header.pid, 4711);
	model_free(model);
	model = with_name("je.4711.3.i3.heap", "heap_v2/1\n", reader_load);
	assert_int_equal(model->header.sequence, 4);
	model_free(model);
	model = with_name("0012.heap", GPERFTOOLS, reader_load);
	assert_int_equal(model->header.sequence, 0);
	model_free(model);
	model = with_name("prof.heap", GPERFTOOLS, reader_load);
	assert_int_equal(model->header.sequence, 0);
	model_free(model);
}

static void
peek_tells_the_header_alone(void **state)
{
	struct gen gen = { 0 };
	struct snapgen *snapshot = snapgen_new();
	struct snapgen_buffer packed, zipped;
	struct model *model;
	struct err err;

	(void)state;
	go_profile(&gen);
	model = reader_peek(snapgen_file(gen.out.data, gen.out.len), &err);
	assert_non_null(model);
	assert_int_equal(model->origin, ORIGIN_PROFILE);
	assert_int_equal(model->header.wall_ns, UINT64_C(1700000000000000000));
	assert_string_equal(model->header.exe, "/opt/app");
	assert_string_equal(model->header.exe_build_id, MAIN_BUILD_ID);
	assert_int_equal(model->site_count + model->module_count, 0);
	model_free(model);
	strbuf_release(&gen.out);

	model = with_name("prof.0002.heap", GPERFTOOLS, reader_peek);
	assert_int_equal(model->header.sequence, 2);
	assert_string_equal(model->header.exe, "/opt/leaky");
	assert_true(model->header.wall_ns > 0);
	assert_int_equal(model->site_count + model->module_count, 0);
	model_free(model);

	snapgen_header(snapshot)->sequence = 7;
	snapgen_module(snapshot, "/opt/app", NULL, 0x1000, 0x1000);
	/* What follows the header does not matter. */
	snapgen_raw(snapshot, 8, "\xff", 1);
	packed = snapgen_pack(snapshot, 0);
	zipped = snapgen_gzip(packed.data, packed.len);
	model = reader_peek(snapgen_file(zipped.data, zipped.len), &err);
	assert_non_null(model);
	assert_int_equal(model->origin, ORIGIN_SNAPSHOT);
	assert_int_equal(model->header.sequence, 7);
	assert_int_equal(model->module_count, 0);
	model_free(model);
	assert_null(reader_load(snapgen_file(zipped.data, zipped.len), &err));
	free(zipped.data);
	free(packed.data);
	snapgen_free(snapshot);
}

static void
only_regular_files_are_peeked_into(void **state)
{
	char directory[] = "/tmp/leakshim-fifo.XXXXXX";
	char path[64];
	struct err err;

	(void)state;
	assert_null(reader_peek("-", &err));
	assert_int_equal(err.code, ERR_OPEN);
	assert_null(reader_peek("/", &err));
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_null(reader_peek("/nonexistent", &err));
	assert_non_null(strstr(err.text, "No such file"));
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(reader_peek(path, &err));
	assert_int_equal(err.code, ERR_OPEN);
	unlink(path);
	rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(go_profile_is_read),
		cmocka_unit_test(columns_are_found_by_their_names),
		cmocka_unit_test(
			more_in_use_than_allocated_is_raised_and_counted),
		cmocka_unit_test(counts_of_what_runs_are_thread_sites),
		cmocka_unit_test(other_profiles_are_refused_by_what_they_hold),
		cmocka_unit_test(differences_are_refused),
		cmocka_unit_test(own_profiles_say_which_snapshot_they_are_of),
		cmocka_unit_test(pieces_of_a_file_are_one_module),
		cmocka_unit_test(mappings_of_any_length_are_read),
		cmocka_unit_test(location_without_place_is_its_names),
		cmocka_unit_test(sample_without_stack_counts),
		cmocka_unit_test(deep_stacks_lose_their_outer_frames),
		cmocka_unit_test(rows_of_any_number_are_found),
		cmocka_unit_test(broken_references_are_refused),
		cmocka_unit_test(amounts_beyond_all_memory_are_refused),
		cmocka_unit_test(two_profiles_in_one_file_are_refused),
		cmocka_unit_test(broken_fields_are_refused),
		cmocka_unit_test(unknown_fields_are_skipped),
		cmocka_unit_test(
			no_prefix_and_no_changed_byte_breaks_the_model),
		cmocka_unit_test(bomb_is_refused),
		cmocka_unit_test(rows_are_bounded),
		cmocka_unit_test(gperftools_profile_is_read),
		cmocka_unit_test(row_without_stack_counts),
		cmocka_unit_test(
			text_that_lacks_rows_disagrees_with_its_header),
		cmocka_unit_test(sampled_text_is_scaled_up),
		cmocka_unit_test(go_text_brings_its_names),
		cmocka_unit_test(jemalloc_text_is_read),
		cmocka_unit_test(text_of_counts_is_thread_sites),
		cmocka_unit_test(broken_text_is_refused),
		cmocka_unit_test(text_has_bounds),
		cmocka_unit_test(no_prefix_of_text_breaks_the_model),
		cmocka_unit_test(names_of_dumps_say_the_order),
		cmocka_unit_test(peek_tells_the_header_alone),
		cmocka_unit_test(only_regular_files_are_peeked_into),
	};

	return cmocka_run_group_tests_name("reader_pprof", tests, NULL, clean);
}
