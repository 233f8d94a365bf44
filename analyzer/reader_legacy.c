/*
 * Heap profiles that are text:
 *
 *   heap profile:  3: 1048 [ 10: 2000] @ heapprofile      gperftools
 *     1:  524 [ 4: 1000] @ 0x55deb955a1f2 0x55deb955a09f
 *
 *   heap profile:  3: 1048 [ 3: 1048] @ heap_v2/524288    its samples
 *   heap profile:  3: 1048 [ 10: 2000] @ heap/8192        Go's debug=1
 *
 *   heap_v2/524288                                        jemalloc
 *     t*: 3: 1048 [0: 0]
 *   @ 0x55deb955a1f2 0x55deb955a09f
 *     t*: 1: 524 [0: 0]
 *
 *   goroutine profile: total 7                            Go's counts
 *   5 @ 0x437832 0x462341
 *
 * each row with objects and bytes in use and [allocated], each address a
 * return address, innermost first. Then comes /proc/self/maps, or, from Go,
 * lines of names behind each row. Read line by line: only a line is kept.
 *
 * "heap_v2" and "heap" are samples: an object of size S is among them with
 * probability 1 - exp(-S/R), R being the number behind the slash (of "heap"
 * half of it), and each row is divided by that, as pprof does.
 */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "ranges.h"
#include "reader_profile.h"
#include "strbuf.h"
#include "symbolize.h"
#include "xalloc.h"

/* Longest line: a stack of 2,000 frames, or the longest path there is. */
#define LEGACY_LINE_BYTES ((size_t)40 << 10)
_Static_assert(LEGACY_LINE_BYTES <= GUNZIP_PEEK_MAX, "a line can be seen");

struct legacy {
	struct build build;
	struct gunzip *stream;
	bool facts_only;
	struct strbuf line;
	bool is_jemalloc;
	bool is_counts; /* rows are `count @ ...` */
	bool in_maps;
	bool has_stack; /* jemalloc: `node` is of the rows that follow */
	double rate;    /* bytes per sample; at most 1: not sampled */
	/* What rounding left of each column so far: rows are often of one
	 * object, so half a one each would add up. */
	double rest[4];
	struct node_id node;
	uint32_t flags;
	/* The last row, while its names are awaited. */
	bool has_row;
	struct build_values row;
	uint64_t first_named; /* return addresses; 0 = none */
	uint64_t last_named;
	struct hashtab pcs;  /* numbers of pcs, by address */
	struct pc_id *stack; /* of the last row, innermost first */
	size_t depth;
	size_t stack_capacity;
	/* Of the maps' last file: where its offset 0 is. */
	struct strbuf base_path;
	uint64_t base;
	struct ranges ranges; /* code: modules */
	/* In use, as they stand in the file: what the header says, and rows.
	 * (jemalloc's header counts stacks that it leaves out.) */
	struct build_values total;
	struct build_values sum;
};

/* --- words ------------------------------------------------------------------- */

static void
skip_spaces(const char **at)
{
	*at += strspn(*at, " \t");
}

static bool
take_char(const char **at, char c)
{
	skip_spaces(at);
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* A number that fits an int64_t. */
static bool
take_number(const char **at, int64_t *value)
{
	uint64_t number = 0;

	skip_spaces(at);
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); ++*at) {
		number = number * 10 + (uint64_t)(**at - '0');
		if (number > INT64_MAX / 16)
			return false;
	}
	*value = (int64_t)number;
	return true;
}

/* Hexadecimal digits, 64 bits of them. */
static bool
take_hex(const char **at, uint64_t *value)
{
	size_t digits = strspn(*at, "0123456789abcdefABCDEF");

	if (digits == 0 || digits > 16)
		return false;
	*value = strtoull(*at, NULL, 16);
	*at += digits;
	return true;
}

static bool
take_address(const char **at, uint64_t *value)
{
	const char *from;

	skip_spaces(at);
	from = *at;
	if (from[0] != '0' || (from[1] != 'x' && from[1] != 'X'))
		return false;
	*at += 2;
	return take_hex(at, value);
}

static bool
take_word(const char **at, const char *word)
{
	size_t len = strlen(word);

	skip_spaces(at);
	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

/* `3: 1048 [ 10: 2000]` */
static bool
take_values(const char **at, struct build_values *values)
{
	return take_number(at, &values->live_objects) && take_char(at, ':') &&
	       take_number(at, &values->live_bytes) && take_char(at, '[') &&
	       take_number(at, &values->alloc_objects) && take_char(at, ':') &&
	       take_number(at, &values->alloc_bytes) && take_char(at, ']');
}

/* --- lines ------------------------------------------------------------------- */

/* The next line, without its end, to legacy->line. 1, 0 at the end, -1. */
static int
next_line(struct legacy *legacy)
{
	struct build *build = &legacy->build;
	const uint8_t *bytes, *end;
	size_t len, got;

	build->offset = gunzip_offset(legacy->stream);
	if (build->offset > PROFILE_BYTES_MAX)
		return err_at(build->err, ERR_TOO_LARGE, build->model->file,
			      build->offset, "larger than any profile");
	if (gunzip_peek(legacy->stream, LEGACY_LINE_BYTES, &bytes, &len,
			build->err) < 0)
		return -1;
	if (len == 0)
		return 0;
	end = memchr(bytes, '\n', len);
	if (!end && len >= LEGACY_LINE_BYTES)
		return build_corrupt(build, "a line without end");
	if (end)
		len = (size_t)(end - bytes);
	if (memchr(bytes, '\0', len))
		return build_corrupt(build, "a line with a NUL in it");
	strbuf_clear(&legacy->line);
	strbuf_add(&legacy->line, bytes, len);
	while (len > 0 && isspace((unsigned char)legacy->line.data[len - 1]))
		legacy->line.data[--len] = '\0';
	len = (size_t)(end ? end - bytes + 1 : (ptrdiff_t)legacy->line.len);
	if (gunzip_next(legacy->stream, NULL, len, &got, build->err) < 0)
		return -1;
	return 1;
}

/* --- stacks ------------------------------------------------------------------ */

struct pc_key {
	const struct model *model;
	uint64_t address;
};

static bool
pc_equal(const void *entry, const void *key)
{
	const struct pc_key *wanted = key;

	return wanted->model->pcs[(uint32_t)(uintptr_t)entry].address ==
	       wanted->address;
}

static int
find_pc(struct legacy *legacy, uint64_t address, struct pc_id *out)
{
	const struct pc_key key = { legacy->build.model, address };
	void **entry = hashtab_place(&legacy->pcs,
				     hash_u64(legacy->build.seed, address),
				     &key, pc_equal);

	if (!*entry) {
		if (build_pc(&legacy->build, address, (struct module_id){ 0 },
			     NULL, out) < 0)
			return -1;
		*entry = (void *)(uintptr_t)out->id;
	}
	out->id = (uint32_t)(uintptr_t)*entry;
	return 0;
}

/* The rest of a row, behind its '@', to legacy->stack. */
static int
take_stack(struct legacy *legacy, const char *at)
{
	uint64_t address;

	legacy->depth = 0;
	while (take_address(&at, &address)) {
		legacy->stack = xgrow(legacy->stack, &legacy->stack_capacity,
				      legacy->depth + 1,
				      sizeof(*legacy->stack));
		if (find_pc(legacy, address, &legacy->stack[legacy->depth]) < 0)
			return -1;
		legacy->depth++;
	}
	if (*at)
		return build_corrupt(&legacy->build, "no address");
	return 0;
}

/* The site of frames [from, to) of the stack. */
static int
build_node(struct legacy *legacy, size_t from, size_t to)
{
	/* No row so far may have had a frame. */
	const struct pc_id *pcs = legacy->stack ? legacy->stack + from : NULL;

	legacy->flags = 0;
	return build_stack(&legacy->build, pcs, to - from, &legacy->node,
			   &legacy->flags);
}

/* --- rows -------------------------------------------------------------------- */

static int64_t
scaled(int64_t value, double scale, double *rest)
{
	double exact = (double)value * scale + *rest;
	/* Of a small value and what others left; never below 0. */
	double whole = exact > 0 ? floor(exact + 0.5) : 0;

	*rest = exact - whole;
	return (int64_t)whole;
}

/* What was sampled to what it stands for. */
static int
unsample(struct legacy *legacy, int64_t *objects, int64_t *bytes, double *rest)
{
	double scale;

	if (*objects == 0 && *bytes != 0)
		return build_corrupt(&legacy->build, "bytes in no objects");
	if (legacy->rate <= 1 || *objects == 0 || *bytes == 0)
		return 0;
	scale = -1 / expm1(-((double)*bytes / (double)*objects) / legacy->rate);
	if (!((double)*bytes * scale < (double)INT64_MAX / 4 &&
	      (double)*objects * scale < (double)INT64_MAX / 4))
		return build_corrupt(&legacy->build,
				     "it holds beyond all memory");
	*objects = scaled(*objects, scale, &rest[0]);
	*bytes = scaled(*bytes, scale, &rest[1]);
	return 0;
}

static int
add_values(struct legacy *legacy, struct build_values *values)
{
	/* The numbers of a row are at most a sixteenth of what fits. */
	if (legacy->sum.live_objects > INT64_MAX / 2 ||
	    legacy->sum.live_bytes > INT64_MAX / 2)
		return build_corrupt(&legacy->build,
				     "it holds beyond all memory");
	legacy->sum.live_objects += values->live_objects;
	legacy->sum.live_bytes += values->live_bytes;
	if (unsample(legacy, &values->live_objects, &values->live_bytes,
		     &legacy->rest[0]) < 0 ||
	    unsample(legacy, &values->alloc_objects, &values->alloc_bytes,
		     &legacy->rest[2]) < 0)
		return -1;
	return build_add(&legacy->build, legacy->node, legacy->flags, values);
}

/* A frame of the last row by its address; `otherwise` if there is none. */
static size_t
frame_at(const struct legacy *legacy, uint64_t address, size_t otherwise)
{
	const struct pc *pcs = legacy->build.model->pcs;
	size_t i;

	for (i = 0; i < legacy->depth; i++) {
		if (pcs[legacy->stack[i].id].address == address)
			return i;
	}
	return otherwise;
}

/*
 * The row that waits for its names. Go names no frames of its runtime that
 * stand innermost (growslice and the like) or outermost (goexit), and leaves
 * them out of its own profiles.
 */
static int
end_row(struct legacy *legacy)
{
	size_t from = 0, to = legacy->depth;

	if (!legacy->has_row)
		return 0;
	legacy->has_row = false;
	if (legacy->first_named && legacy->depth > 0) {
		from = frame_at(legacy, legacy->first_named, 0);
		to = frame_at(legacy, legacy->last_named, to - 1) + 1;
	}
	/* In a recursion the last may be found before the first. */
	if (to <= from)
		to = legacy->depth;
	if (build_node(legacy, from, to) < 0)
		return -1;
	if (legacy->is_counts)
		return build_add_threads(&legacy->build, legacy->node,
					 legacy->flags,
					 legacy->row.live_objects);
	return add_values(legacy, &legacy->row);
}

static int
take_row(struct legacy *legacy, const char *at)
{
	if (end_row(legacy) < 0)
		return -1;
	legacy->first_named = 0;
	legacy->row = (struct build_values){ 0 };
	if (!(legacy->is_counts ? take_number(&at, &legacy->row.live_objects)
				: take_values(&at, &legacy->row)) ||
	    !take_char(&at, '@'))
		return build_corrupt(&legacy->build, "no row of a profile");
	if (take_stack(legacy, at) < 0)
		return -1;
	legacy->has_row = true;
	return 0;
}

/* Totals of all threads come first (t*), then of each, which repeat them. */
static int
take_jemalloc_row(struct legacy *legacy, const char *at)
{
	struct build_values values;

	if (take_char(&at, '@')) {
		legacy->has_stack = true;
		return take_stack(legacy, at) < 0
			       ? -1
			       : build_node(legacy, 0, legacy->depth);
	}
	if (!take_char(&at, 't'))
		return build_corrupt(&legacy->build, "no row of a profile");
	if (*at != '*')
		return 0;
	at++;
	if (!take_char(&at, ':') || !take_values(&at, &values))
		return build_corrupt(&legacy->build, "no row of a profile");
	if (!legacy->has_stack) {
		legacy->build.has_alloc = values.alloc_objects > 0;
		return 0;
	}
	return add_values(legacy, &values);
}

/*
 * Go's names, of the call: `#  0x4b5cb0  main.leak+0x50  /src/leak.go:17`. Other
 * lines that begin like that are for people.
 */
static void
take_names(struct legacy *legacy, const char *at)
{
	struct model *model = legacy->build.model;
	struct symbols *symbols;
	struct symbol *symbol;
	const char *file, *end;
	struct pc_key key;
	uint64_t address;
	void **entry;
	int64_t line = 0;
	struct pc *pc;

	if (!take_address(&at, &address))
		return;
	key = (struct pc_key){ model, address + 1 };
	if (!legacy->first_named)
		legacy->first_named = address + 1;
	legacy->last_named = address + 1;
	skip_spaces(&at);
	file = strchr(at, '\t');
	end = file ? file : at + strlen(at);
	while (end > at && *end != '+')
		end--;
	if (!file || end == at)
		return;
	entry = hashtab_place(&legacy->pcs,
			      hash_u64(legacy->build.seed, key.address), &key,
			      pc_equal);
	if (!*entry) {
		/* Of no row: it still takes its place in the table. */
		struct pc_id id;

		if (model->pc_count == PROFILE_ROWS_MAX)
			return;
		if (build_pc(&legacy->build, key.address,
			     (struct module_id){ 0 }, NULL, &id) < 0)
			return;
		*entry = (void *)(uintptr_t)id.id;
	}
	pc = &model->pcs[(uint32_t)(uintptr_t)*entry];
	if (pc->symbols)
		return;
	symbols = model_keep_zeroed(model, 1, sizeof(*symbols));
	symbol = model_keep_zeroed(model, 1, sizeof(*symbol));
	symbol->function = model_keep(model, at, (size_t)(end - at));
	symbol->linkage_name = symbol->function;
	skip_spaces(&file);
	end = strrchr(file, ':');
	if (end) {
		symbol->file = model_keep(model, file, (size_t)(end - file));
		end++;
		if (take_number(&end, &line) && line <= UINT32_MAX)
			symbol->line = (uint32_t)line;
	}
	symbols->count = 1;
	symbols->named = true;
	symbols->entries = symbol;
	pc->symbols = symbols;
}

/* --- maps -------------------------------------------------------------------- */

/* `55deb955a000-55deb955b000 r-xp 00001000 00:00 11035028  /usr/bin/x` */
struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	bool is_code;
	const char *path;
};

static bool
parse_mapping(const char *at, struct mapping *mapping)
{
	if (!take_hex(&at, &mapping->start) || *at != '-')
		return false;
	at++;
	if (!take_hex(&at, &mapping->end) || mapping->end <= mapping->start)
		return false;
	skip_spaces(&at);
	if (strcspn(at, " \t") < 3)
		return false;
	mapping->is_code = at[2] == 'x';
	at += strcspn(at, " \t");
	skip_spaces(&at);
	if (!take_hex(&at, &mapping->offset))
		return false;
	skip_spaces(&at);
	at += strcspn(at, " \t"); /* device */
	skip_spaces(&at);
	at += strspn(at, "0123456789"); /* inode */
	skip_spaces(&at);
	mapping->path = at;
	return true;
}

/* The address in the file: see PROFILE_FIXED_BELOW. Everything else is linked
 * at 0, and /proc/self/maps says where that is. */
static uint64_t
find_vaddr(const struct legacy *legacy, const struct mapping *mapping)
{
	if (mapping->start < PROFILE_FIXED_BELOW)
		return mapping->start;
	if (strcmp(mapping->path, strbuf_text(&legacy->base_path)) == 0 &&
	    mapping->start >= legacy->base)
		return mapping->start - legacy->base;
	return mapping->offset;
}

static int
add_code(struct legacy *legacy, const struct mapping *mapping)
{
	struct build *build = &legacy->build;
	struct module module = { .build_id_unknown = true };
	struct module_id id;

	module.path =
		model_keep(build->model, mapping->path, strlen(mapping->path));
	module.segment_count = 1;
	module.segments[0] = (struct segment){
		.start = mapping->start,
		.end = mapping->end,
		.file_offset = mapping->offset,
		.vaddr = find_vaddr(legacy, mapping),
	};
	if (build_module(build, &module, &id) < 0)
		return -1;
	ranges_add(&legacy->ranges, mapping->start, mapping->end, id.id);
	return 0;
}

/* A line that is none is of another program's making and skipped, as pprof
 * does. */
static int
take_mapping(struct legacy *legacy, const char *at)
{
	struct header *header = &legacy->build.model->header;
	struct mapping mapping = { 0 };

	if (!parse_mapping(at, &mapping) || !*mapping.path)
		return 0;
	if (mapping.path[0] == '/' && !*header->exe)
		header->exe = model_keep(legacy->build.model, mapping.path,
					 strlen(mapping.path));
	if (mapping.offset == 0) {
		strbuf_clear(&legacy->base_path);
		strbuf_adds(&legacy->base_path, mapping.path);
		legacy->base = mapping.start;
	}
	if (!mapping.is_code || legacy->facts_only)
		return 0;
	return add_code(legacy, &mapping);
}

/* All mappings are known: which one has each address? What has names and no
 * mapping is its names (model.h). */
static void
link_pcs(struct legacy *legacy)
{
	struct model *model = legacy->build.model;
	size_t module;
	uint32_t i;

	ranges_sort(&legacy->ranges);
	for (i = 1; i <= model->pc_count; i++) {
		struct pc *pc = &model->pcs[i];

		module = ranges_find(&legacy->ranges, pc->address - 1);
		if (module != RANGES_NONE)
			pc->module.id = (uint32_t)module;
		else if (pc->symbols)
			pc->address = 0;
	}
}

/* --- the whole --------------------------------------------------------------- */

static int
refuse_kind(struct legacy *legacy, const char *kind)
{
	struct strbuf text = { 0 };

	strbuf_add_printable(&text, kind);
	err_set(legacy->build.err, ERR_FOREIGN,
		"'%s': holds %s: not a heap profile", legacy->build.model->file,
		text.len ? strbuf_text(&text) : "nothing known");
	strbuf_release(&text);
	return -1;
}

/* `heap profile: 3: 1048 [ 10: 2000] @ KIND/RATE` */
static int
take_heap_header(struct legacy *legacy, const char *at)
{
	struct build_values values;
	const char *kind;
	int64_t rate = 1;
	bool is_v2, is_go;

	if (!take_values(&at, &values) || !take_char(&at, '@'))
		return build_corrupt(&legacy->build, "no header of a profile");
	skip_spaces(&at);
	kind = at;
	if (strcmp(kind, "heapprofile") == 0) {
		legacy->rate = 1;
	} else {
		is_v2 = take_word(&at, "heap_v2/") ||
			take_word(&at, "heapz_v2/");
		is_go = !is_v2 && take_word(&at, "heap/");
		if (!is_v2 && !is_go)
			return refuse_kind(legacy, kind);
		if (!take_number(&at, &rate) || *at)
			return build_corrupt(&legacy->build,
					     "no header of a profile");
		legacy->rate = (double)rate / (is_go ? 2 : 1);
	}
	legacy->total = values;
	/* The sampler has no history and repeats what is in use. */
	legacy->build.has_alloc =
		(values.alloc_objects &&
		 values.alloc_objects != values.live_objects) ||
		(values.alloc_bytes && values.alloc_bytes != values.live_bytes);
	return 0;
}

static int
take_header(struct legacy *legacy)
{
	const char *at = strbuf_text(&legacy->line);
	struct header *header = &legacy->build.model->header;
	const char *name = at;
	int64_t number;
	int result = 0;

	legacy->rate = 1;
	if (take_word(&at, "heap profile:")) {
		result = take_heap_header(legacy, at);
	} else if (take_word(&at, "heap_v2/")) {
		legacy->is_jemalloc = true;
		if (!take_number(&at, &number) || *at)
			return build_corrupt(&legacy->build,
					     "no header of a profile");
		legacy->rate = (double)number;
	} else {
		if (take_word(&at, "goroutine profile: total"))
			header->counted = "goroutines";
		else if (take_word(&at, "threadcreate profile: total"))
			header->counted = "threads";
		else
			return refuse_kind(legacy, name);
		legacy->is_counts = true;
	}
	if (legacy->rate > (double)LKS_SAMPLE_MAX)
		return build_corrupt(&legacy->build, "a sampling rate of %.0f",
				     legacy->rate);
	if (legacy->rate > 1)
		header->sample_bytes = (uint64_t)legacy->rate;
	return result;
}

static int
take_line(struct legacy *legacy)
{
	const char *at = strbuf_text(&legacy->line);

	skip_spaces(&at);
	if (strcmp(at, "MAPPED_LIBRARIES:") == 0 ||
	    strncmp(at, "--- Memory map:", 15) == 0) {
		legacy->in_maps = true;
		return 0;
	}
	if (legacy->in_maps)
		return take_mapping(legacy, at);
	if (!*at || legacy->facts_only)
		return 0;
	if (*at == '#') {
		take_names(legacy, at + 1);
		return 0;
	}
	if (legacy->is_jemalloc)
		return take_jemalloc_row(legacy, at);
	return take_row(legacy, at);
}

/* The number that ends before `end`, behind a dot; *end moves to the dot. */
static bool
number_before(const char *name, const char **end, uint64_t *number)
{
	const char *at = *end;

	while (at > name && isdigit((unsigned char)at[-1]))
		at--;
	if (at == *end || *end - at > 9 || at == name || at[-1] != '.')
		return false;
	*number = strtoull(at, NULL, 10);
	*end = at - 1;
	return true;
}

/*
 * A file's time may be that of a copy, but its name tells the order:
 * PREFIX.0001.heap (gperftools) or PREFIX.PID.0.f.heap (jemalloc, whose last
 * word but one is a letter and sometimes a number).
 */
static void
take_name(struct legacy *legacy)
{
	struct header *header = &legacy->build.model->header;
	const char *name = path_base(legacy->build.model->file);
	const char *end = name + strlen(name);
	uint64_t number;

	if (end - name < 5 || strcmp(end - 5, ".heap") != 0)
		return;
	end -= 5;
	if (!legacy->is_jemalloc) {
		if (number_before(name, &end, &number))
			header->sequence = number;
		return;
	}
	while (end > name && *--end != '.')
		;
	if (!number_before(name, &end, &number))
		return;
	header->sequence = number + 1;
	if (number_before(name, &end, &number))
		header->pid = (uint32_t)number;
}

int
reader_legacy(struct model *model, struct gunzip *stream, bool facts_only,
	      struct err *err)
{
	struct legacy legacy = {
		.stream = stream,
		.facts_only = facts_only,
	};
	int result;

	build_begin(&legacy.build, model, err);
	model->origin = ORIGIN_PROFILE;
	result = next_line(&legacy);
	model->header.wall_ns = gunzip_written_ns(stream);
	model->header.monotonic_ns = model->header.wall_ns;
	if (result == 1)
		result = take_header(&legacy) < 0 ? -1 : 1;
	take_name(&legacy);
	while (result == 1) {
		result = next_line(&legacy);
		if (result == 1 && take_line(&legacy) < 0)
			result = -1;
	}
	if (result == 0 && end_row(&legacy) < 0)
		result = -1;
	if (result == 0 && gunzip_cut_short(stream))
		result = err_at(err, ERR_CORRUPT, model->file,
				gunzip_offset(stream), "a truncated profile");
	if (result == 0 && !facts_only) {
		link_pcs(&legacy);
		model->totals_disagree =
			!legacy.is_counts && !legacy.is_jemalloc &&
			(legacy.total.live_objects != legacy.sum.live_objects ||
			 legacy.total.live_bytes != legacy.sum.live_bytes);
	}
	build_release(&legacy.build);
	hashtab_release(&legacy.pcs);
	ranges_release(&legacy.ranges);
	strbuf_release(&legacy.line);
	strbuf_release(&legacy.base_path);
	free(legacy.stack);
	return result;
}
