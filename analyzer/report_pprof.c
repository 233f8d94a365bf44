/*
 * A pprof profile that reads like Go's: four sample types in Go's order, which
 * is the set that every viewer knows by name, or with --threads the one of its
 * threadcreate profile.
 *
 * One snapshot is a heap profile of what is live. Two or more are what pprof
 * saves of a -diff_base: the new values, and the old ones negative and labelled
 * pprof::base, so that percentages are relative to the old total. With
 * --growth-only there are no negative values, which some viewers refuse: each
 * value is what came to be more, or 0. A net profile has the differences
 * themselves, as Go's endpoints give them for ?seconds=.
 *
 * A stack begins at its blamed frame (blame.h): `pprof -top` then adds up by
 * the same function as the other reports, where operator new and the like
 * would else take all. Of an address where an allocating function is inlined
 * into the blamed one, only the outer part is shown, so such an address can
 * have two locations: whole, where it is in the middle of a stack, and
 * trimmed, where a stack begins.
 *
 * Threads are never added to bytes of the heap.
 */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flat_rows.h"
#include "format.h"
#include "hashtab.h"
#include "pprof_map.h"
#include "pprof_profile.h"
#include "stack.h"
#include "symbolize.h"
#include "xalloc.h"

static const struct pprof_type heap_types[] = {
	{ "alloc_objects", "count" },
	{ "alloc_space", "bytes" },
	{ "inuse_objects", "count" },
	{ "inuse_space", "bytes" }, /* last: what viewers show first */
};
static const struct pprof_type heap_period = { "space", "bytes" };
/* Of the sample and of the period. */
static const struct pprof_type thread_type = { "threadcreate", "count" };
static const struct pprof_type cpu_types[] = {
	{ "samples", "count" },
	{ "cpu", "nanoseconds" },
};

#define TYPES_MAX (sizeof(heap_types) / sizeof(heap_types[0]))

/* A frame that is one in the profile: a code address, or something we say. */
struct frame {
	struct pprof_place *place; /* NULL: in no file, or no code */
	uint64_t address; /* of the call in the profile, or in no file */
	const char *said; /* "[unknown call stack]" and the like */
	uint64_t whole;   /* ids of locations; 0: not made yet */
	uint64_t trimmed;
};

struct writer {
	const struct report *report;
	struct pprof *pprof;
	struct pprof_map *map;
	struct hashtab frames;     /* struct frame */
	const struct model *model; /* the atlas's */
	/* Whole locations by pc; 0: not made yet. Frames would find them too,
	 * but there are millions to find. */
	uint64_t *by_pc;
	uint64_t next_fake; /* address for what has none */
	struct stack stack;
	uint64_t *locations; /* of one sample */
	size_t location_capacity;
	struct pprof_line *lines; /* of one location */
	size_t line_capacity;
	struct strbuf text; /* scratch */
};

/* --- frames ----------------------------------------------------------------- */

static bool
frame_equal(const void *entry, const void *key)
{
	const struct frame *a = entry, *b = key;

	if (a->said || b->said)
		return a->said && b->said && strcmp(a->said, b->said) == 0;
	return a->place == b->place && a->address == b->address;
}

/* The frame like `key`; if it is new, it has no locations. */
static struct frame *
find_frame(struct writer *writer, const struct frame *key)
{
	uint64_t hash = hash_u64((uintptr_t)key->place, key->address);
	struct frame *frame;
	void **entry;

	if (key->said)
		hash = hash_bytes(HASH_START, key->said, strlen(key->said));
	entry = hashtab_place(&writer->frames, hash, key, frame_equal);
	if (!*entry) {
		frame = xmalloc(sizeof(*frame));
		*frame = *key;
		*entry = frame;
	}
	return *entry;
}

static uint64_t
fake_address(struct writer *writer)
{
	return writer->next_fake++;
}

/* A location that is no code, with a name of ours. */
static uint64_t
said_location(struct writer *writer, const char *said)
{
	struct frame *frame =
		find_frame(writer, &(struct frame){ .said = said });
	const struct pprof_line line = {
		.function = said,
		.system_name = said,
	};

	if (!frame->whole)
		frame->whole = pprof_add_location(
			writer->pprof, 0, fake_address(writer), &line, 1);
	return frame->whole;
}

static uint64_t
mapping_of(struct writer *writer, struct pprof_place *place)
{
	const struct module *module = place->module;
	uint32_t i;

	if (place->mapping)
		return place->mapping;
	strbuf_clear(&writer->text);
	for (i = 0; i < module->build_id_bytes; i++)
		strbuf_addf(&writer->text, "%02x", module->build_id[i]);
	place->mapping = pprof_add_mapping(
		writer->pprof,
		&(struct pprof_mapping){
			.start = place->start,
			.limit = place->limit,
			.file_offset = place->segment->file_offset,
			.filename = module->path,
			.build_id = strbuf_text(&writer->text),
		});
	return place->mapping;
}

static const struct module *
pc_module(const struct model *model, struct pc_id id)
{
	struct module_id module = model_pc(model, id)->module;

	return module.id ? model_module(model, module) : NULL;
}

static const struct symbols *
pc_symbols(struct writer *writer, struct pc_id id)
{
	return resolver_symbols(writer->report->resolver, id);
}

/* Without its `skip` innermost ones. None if no symbols were wanted: then
 * pprof may look for names itself. */
static size_t
take_lines(struct writer *writer, struct pc_id id,
	   const struct symbols *symbols, size_t skip)
{
	bool are_own = model_pc(writer->model, id)->symbols != NULL;
	const struct symbol *symbol;
	size_t i;

	if (!are_own &&
	    !resolver_options(writer->report->resolver)->use_symbols)
		return 0;
	writer->lines = xgrow(writer->lines, &writer->line_capacity,
			      symbols->count, sizeof(*writer->lines));
	for (i = skip; i < symbols->count; i++) {
		symbol = &symbols->entries[i];
		writer->lines[i - skip] = (struct pprof_line){
			.function = symbol->function,
			.system_name = symbol->linkage_name,
			.file = symbol->file,
			.line = symbol->line,
		};
	}
	return symbols->count - skip;
}

/* A new location for a frame, whose address may have one already. */
static uint64_t
make_location(struct writer *writer, const struct frame *frame, struct pc_id id,
	      size_t skip)
{
	uint64_t address = frame->address, mapping = 0;
	size_t line_count;

	/* Addresses are unique. No call has only one byte, so the one before
	 * is of the same call, and of no other. */
	if (frame->whole || frame->trimmed)
		address--;
	if (frame->place)
		mapping = mapping_of(writer, frame->place);
	else if (!pprof_map_is_free(writer->map, address))
		address = fake_address(writer);
	line_count = take_lines(writer, id, pc_symbols(writer, id), skip);
	return pprof_add_location(writer->pprof, mapping, address,
				  writer->lines, line_count);
}

/* `skip` lines, the innermost ones, are left out. */
static uint64_t
find_location(struct writer *writer, struct pc_id id, size_t skip)
{
	const struct model *model = writer->model;
	const struct module *module = pc_module(model, id);
	/* The call: the return address is of the statement after it. */
	struct frame key = { .address = model_pc(model, id)->address - 1 };
	struct frame *frame;
	uint64_t *location;

	if (module)
		key.place = pprof_map_find(writer->map, module, key.address,
					   &key.address);
	frame = find_frame(writer, &key);
	location = skip > 0 ? &frame->trimmed : &frame->whole;
	if (!*location)
		*location = make_location(writer, frame, id, skip);
	return *location;
}

static uint64_t
pc_location(struct writer *writer, struct pc_id id, size_t skip)
{
	if (skip > 0)
		return find_location(writer, id, skip);
	if (!writer->by_pc[id.id])
		writer->by_pc[id.id] = find_location(writer, id, 0);
	return writer->by_pc[id.id];
}

/* --- samples ---------------------------------------------------------------- */

static void
add_location(struct writer *writer, size_t *count, uint64_t location)
{
	writer->locations = xgrow(writer->locations, &writer->location_capacity,
				  *count + 1, sizeof(*writer->locations));
	writer->locations[(*count)++] = location;
}

static size_t
row_locations(struct writer *writer, const struct row *row)
{
	const struct model *model = writer->model;
	const struct stack *stack = &writer->stack;
	struct node_id node = row->node;
	struct stack_extent extent;
	struct pc_id pc;
	size_t depth, skip, count = 0;

	stack_resolve(&writer->stack, writer->report->resolver, row);
	if (row->flags & SITE_OVERFLOW || !node.id) {
		add_location(writer, &count,
			     said_location(writer,
					   stack->frames[0].symbol->function));
		return count;
	}
	extent = stack_from_blamed(stack);
	for (depth = model_node(model, node)->depth; depth > 0; depth--) {
		pc = model_node(model, node)->pc;
		skip = 0;
		if (depth == extent.addresses)
			skip = pc_symbols(writer, pc)->count - extent.lines;
		if (depth <= extent.addresses)
			add_location(writer, &count,
				     pc_location(writer, pc, skip));
		node = model_node(model, node)->parent;
	}
	if (stack->truncated)
		add_location(writer, &count,
			     said_location(writer, "[truncated]"));
	return count;
}

/* What a row was, and what it is. Cumulative counts of the old snapshot are
 * what was in the new one before. */
static void
row_values(const struct report *report, const struct row *row,
	   int64_t before[TYPES_MAX], int64_t after[TYPES_MAX])
{
	if (report->threads) {
		before[0] = row->live_old.objects;
		after[0] = row->live_new.objects;
		before[1] = before[0] * (int64_t)report->cpu_period_ns;
		after[1] = after[0] * (int64_t)report->cpu_period_ns;
		return;
	}
	after[0] = row->alloc_ever.objects;
	after[1] = row->alloc_ever.bytes;
	after[2] = row->live_new.objects;
	after[3] = row->live_new.bytes;
	before[0] = row->alloc_ever.objects - row->alloc.objects;
	before[1] = row->alloc_ever.bytes - row->alloc.bytes;
	before[2] = row->live_old.objects;
	before[3] = row->live_old.bytes;
}

static void
add_samples_of_row(struct writer *writer, const struct row *row, size_t count)
{
	const struct report *report = writer->report;
	int64_t before[TYPES_MAX] = { 0 }, after[TYPES_MAX] = { 0 };
	size_t i;

	row_values(report, row, before, after);
	if (report->growth_only || report->net) {
		for (i = 0; i < TYPES_MAX; i++) {
			after[i] -= before[i];
			if (after[i] < 0 && !report->net)
				after[i] = 0;
			before[i] = 0;
		}
	}
	pprof_add_sample(writer->pprof, writer->locations, count, after, false);
	for (i = 0; i < TYPES_MAX; i++)
		before[i] = -before[i];
	pprof_add_sample(writer->pprof, writer->locations, count, before, true);
}

static void
add_samples(struct writer *writer)
{
	struct flat_cursor cursor = { 0 };
	const struct row *row;
	const char *merged;
	size_t count;

	while ((row = flat_rows_next(writer->report, &cursor, &merged))) {
		count = 0;
		if (merged)
			add_location(writer, &count,
				     said_location(writer, merged));
		else
			count = row_locations(writer, row);
		add_samples_of_row(writer, row, count);
	}
}

/* --- the rest --------------------------------------------------------------- */

/* pprof wants the program's own mapping first. */
static void
add_main_mapping(struct writer *writer, const char *exe)
{
	const struct model *model = writer->model;
	const struct module *module;
	struct pprof_place *place;
	uint64_t start;
	uint32_t i;

	for (i = 1; i <= model->module_count; i++) {
		module = &model->modules[i];
		if (module->segment_count == 0 || module->unloaded ||
		    strcmp(module->path, exe) != 0)
			continue;
		place = pprof_map_find(writer->map, module,
				       module->segments[0].start, &start);
		if (place)
			mapping_of(writer, place);
		return;
	}
}

static void __attribute__((format(printf, 2, 3)))
comment(struct writer *writer, const char *format, ...)
{
	va_list args;

	strbuf_clear(&writer->text);
	va_start(args, format);
	strbuf_vaddf(&writer->text, format, args);
	va_end(args);
	pprof_add_comment(writer->pprof, strbuf_text(&writer->text));
}

static void
comment_snapshot(struct writer *writer, const char *role,
		 const struct model *model)
{
	const struct header *header = &model->header;
	struct strbuf when = { 0 };
	char number[24] = "";

	/* What was taken for one asker has none. */
	if (header->sequence)
		snprintf(number, sizeof(number), " %" PRIu64, header->sequence);
	format_time(&when, header->wall_ns);
	if (model->origin == ORIGIN_PROFILE)
		comment(writer, "%s: profile of %s, %s", role,
			*header->exe ? header->exe : "an unknown program",
			strbuf_text(&when));
	else
		comment(writer, "%s: snapshot%s of %s, pid %u, %s%s", role,
			number, header->exe, header->pid, strbuf_text(&when),
			model->truncated ? ", truncated file: a part only"
					 : "");
	strbuf_release(&when);
}

static void
add_notes(struct writer *writer)
{
	const char *line = writer->report->notes;

	while (line && *line) {
		size_t len = strcspn(line, "\n");

		comment(writer, "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void
add_comments(struct writer *writer)
{
	const struct diff *diff = writer->report->diff;
	const struct header *header = &diff->new_model->header;

	if (*header->shim_version)
		comment(writer, "leakshim %s", header->shim_version);
	if (diff->old_model) {
		comment_snapshot(writer, "base", diff->old_model);
		comment_snapshot(writer, "new", diff->new_model);
		if (!diff->same_process)
			comment(writer, "base and new are of different "
					"processes");
	} else {
		comment_snapshot(writer, "live", diff->new_model);
	}
	if (header->sample_bytes > 1)
		comment(writer,
			"estimated from a sample: one per %" PRIu64
			" bytes on average",
			header->sample_bytes);
	else if (diff->estimated)
		comment(writer, "estimated: only a part of the blocks was "
				"recorded");
	add_notes(writer);
}

/* Of a diff: from the old snapshot to the new. */
static uint64_t
window_ns(const struct diff *diff)
{
	const struct header *from, *to = &diff->new_model->header;

	if (!diff->old_model)
		return 0;
	from = &diff->old_model->header;
	if (diff->same_process && to->monotonic_ns > from->monotonic_ns)
		return to->monotonic_ns - from->monotonic_ns;
	return to->wall_ns > from->wall_ns ? to->wall_ns - from->wall_ns : 0;
}

/* An empty profile of what the report counts. */
static struct pprof *
new_profile(const struct report *report)
{
	struct pprof_type type = thread_type;
	struct pprof *pprof;

	if (!report->threads) {
		pprof = pprof_new(heap_types, TYPES_MAX);
		pprof_set_period(pprof, &heap_period,
				 report->diff->new_model->header.sample_bytes);
	} else if (report->cpu_period_ns) {
		pprof = pprof_new(cpu_types, 2);
		pprof_set_period(pprof, &cpu_types[1], report->cpu_period_ns);
	} else {
		if (report->counted)
			type.type = report->counted;
		pprof = pprof_new(&type, 1);
		pprof_set_period(pprof, &type, 1);
	}
	return pprof;
}

int
report_pprof(const struct report *report, FILE *out, struct err *err)
{
	const struct diff *diff = report->diff;
	const struct header *header = &diff->new_model->header;
	struct writer writer = {
		.report = report,
		.pprof = new_profile(report),
		.model = resolver_model(report->resolver),
		.map = pprof_map_new(),
		.next_fake = PPROF_MAP_END,
	};
	size_t i;
	int result;

	pprof_set_time(writer.pprof, header->wall_ns,
		       report->duration_ns ? report->duration_ns
					   : window_ns(diff));
	if (report->default_type)
		pprof_set_default_type(writer.pprof, report->default_type);
	pprof_set_inlines(writer.pprof,
			  resolver_options(report->resolver)->inlines);
	pprof_map_add(writer.map, writer.model);
	writer.by_pc =
		xcalloc(xadd(writer.model->pc_count, 1), sizeof(*writer.by_pc));
	add_comments(&writer);
	add_main_mapping(&writer, header->exe);
	add_samples(&writer);
	result = pprof_write(writer.pprof, out, err);

	pprof_free(writer.pprof);
	pprof_map_free(writer.map);
	for (i = 0; i < writer.frames.capacity; i++)
		free(writer.frames.slots[i].entry);
	hashtab_release(&writer.frames);
	stack_release(&writer.stack);
	free(writer.by_pc);
	free(writer.locations);
	free(writer.lines);
	strbuf_release(&writer.text);
	return result;
}
