/*
 * A profile's tables, each walked over once: mappings to modules, functions,
 * locations to code addresses with names, samples to stacks.
 *
 * What tells two addresses apart across profiles is, as everywhere, their
 * place in a file. A location in no mapping, or without an address, has no
 * such place (generated code, runtimes without addresses, our own "[unknown
 * call stack]"): its pc has address 0 and is what its names are.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "profile.pb-c.h"
#include "reader_profile.h"
#include "symbolize.h"
#include "xalloc.h"

/* Hexadecimal build-ids; longer ones are nobody's. */
#define PPROF_BUILD_ID_BYTES 64

struct function {
	const char *name;
	const char *linkage_name;
	const char *file; /* NULL = unknown */
};

/* Frames by which our own profiles say what is missing. */
enum said {
	SAID_NOTHING,
	SAID_TRUNCATED,
	SAID_UNKNOWN,
	SAID_OVERFLOW,
};

struct place {
	struct pc_id pc;
	enum said said;
};

struct tables {
	struct pprof_profile *profile;
	struct pprof_rows mappings;
	struct module_id *modules; /* by index of a mapping; 0 = no file */
	size_t module_capacity;
	bool any_wide; /* a module has no segment yet */
	struct pprof_rows functions;
	struct function *function; /* by index */
	size_t function_capacity;
	struct pprof_rows locations;
	struct place *places; /* by index */
	size_t place_capacity;
	size_t line_count;
	uint32_t sample_count;
	struct pc_id *stack; /* of one sample */
	size_t stack_capacity;
};

/* --- rows by id -------------------------------------------------------------- */

struct row_key {
	const struct pprof_rows *rows;
	uint64_t id;
};

static bool
row_equal(const void *entry, const void *key)
{
	const struct row_key *wanted = key;

	return wanted->rows->ids[(uintptr_t)entry - 1] == wanted->id;
}

/* SIZE_MAX: there is none. */
static size_t
find_row(struct pprof_rows *rows, uint64_t seed, uint64_t id)
{
	const struct row_key key = { rows, id };

	/* Nearly all number their rows 1, 2, 3 ... */
	if (id - 1 < rows->count && rows->ids[id - 1] == id)
		return (size_t)(id - 1);
	/* If there is none the table has a hole now: it is the last call, for
	 * the profile is refused. */
	return (size_t)(uintptr_t)*hashtab_place(
		       &rows->by_id, hash_u64(seed, id), &key, row_equal) -
	       1;
}

/* The new row is the last one. */
static int
add_row(struct tables *tables, struct pprof_rows *rows, uint64_t id,
	const char *what)
{
	struct build *build = &tables->profile->build;
	const struct row_key key = { rows, id };
	void **entry;

	if (rows->count == PROFILE_ROWS_MAX)
		return err_at(build->err, ERR_TOO_LARGE, build->model->file,
			      build->offset, "more than %u %ss",
			      PROFILE_ROWS_MAX, what);
	if (id == 0)
		return build_corrupt(build, "a %s with number 0", what);
	entry = hashtab_place(&rows->by_id, hash_u64(build->seed, id), &key,
			      row_equal);
	if (*entry)
		return build_corrupt(build, "two %ss have number %" PRIu64,
				     what, id);
	rows->ids = xgrow(rows->ids, &rows->capacity, rows->count + 1,
			  sizeof(*rows->ids));
	rows->ids[rows->count++] = id;
	*entry = (void *)(uintptr_t)rows->count;
	return 0;
}

static void
release_rows(struct pprof_rows *rows)
{
	free(rows->ids);
	hashtab_release(&rows->by_id);
}

/* --- mappings ---------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* What is no hexadecimal number is a build-id of another kind (Go's own, say),
 * which no file's note can equal: as if there were none. */
static void
keep_build_id(struct model *model, struct module *module, const char *text)
{
	uint8_t bytes[PPROF_BUILD_ID_BYTES];
	size_t len = strlen(text), i;

	module->build_id_unknown = true;
	if (len == 0 || len % 2 || len / 2 > sizeof(bytes))
		return;
	for (i = 0; i < len / 2; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	module->build_id_unknown = false;
	module->build_id_bytes = (uint32_t)(len / 2);
	module->build_id = (const uint8_t *)model_keep(model, bytes, len / 2);
}

static bool
is_wide(const Perftools__Profiles__Mapping *mapping)
{
	return mapping->memory_limit <= mapping->memory_start ||
	       mapping->memory_limit - mapping->memory_start >
		       PROFILE_MAPPING_BYTES_MAX;
}

/*
 * Which address of the file is mapped there is not said. Programs that are
 * not position-independent run where they were linked. All others are linked
 * at 0 and as a rule place code at its offset in the file; where not, the
 * symbolizer sees that the layouts differ.
 */
static uint64_t
guess_vaddr(uint64_t start, uint64_t file_offset)
{
	return start > 0 && start < PROFILE_FIXED_BELOW ? start : file_offset;
}

static int
add_mapping(struct tables *tables, const Perftools__Profiles__Mapping *mapping)
{
	struct pprof_profile *profile = tables->profile;
	struct model *model = profile->build.model;
	const char *path = pprof_text(profile, mapping->filename);
	const char *build_id = path ? pprof_text(profile, mapping->build_id)
				    : NULL;
	struct module_id id = { 0 };
	struct module module = { .path = path };

	if (!build_id)
		return -1;
	if (add_row(tables, &tables->mappings, mapping->id, "mapping") < 0)
		return -1;
	/* Go says "all memory" where it knows of no mappings. */
	if (*path || *build_id || !is_wide(mapping)) {
		keep_build_id(model, &module, build_id);
		if (is_wide(mapping)) {
			tables->any_wide = true;
		} else {
			module.segment_count = 1;
			module.segments[0] = (struct segment){
				.start = mapping->memory_start,
				.end = mapping->memory_limit,
				.file_offset = mapping->file_offset,
				.vaddr = guess_vaddr(mapping->memory_start,
						     mapping->file_offset),
			};
		}
		if (build_module(&profile->build, &module, &id) < 0)
			return -1;
	}
	tables->modules = xgrow(tables->modules, &tables->module_capacity,
				tables->mappings.count,
				sizeof(*tables->modules));
	tables->modules[tables->mappings.count - 1] = id;
	return 0;
}

static int
take_mappings(struct tables *tables)
{
	Perftools__Profiles__Mapping *mapping;
	struct pprof_item item;
	size_t at = 0;
	int result;

	while ((result = pprof_next_of(tables->profile, PPROF_MAPPING, &at,
				       &item)) == 1) {
		mapping = perftools__profiles__mapping__unpack(NULL, item.len,
							       item.data);
		if (!mapping)
			return pprof_no_message(tables->profile, "mapping");
		result = add_mapping(tables, mapping);
		perftools__profiles__mapping__free_unpacked(mapping, NULL);
		if (result < 0)
			return -1;
	}
	return result;
}

int
pprof_main_mapping(struct pprof_profile *profile)
{
	struct header *header = &profile->build.model->header;
	Perftools__Profiles__Mapping *mapping;
	struct pprof_item item;
	const char *path, *build_id;
	size_t at = 0;
	int result = pprof_next_of(profile, PPROF_MAPPING, &at, &item);

	if (result != 1)
		return result;
	mapping =
		perftools__profiles__mapping__unpack(NULL, item.len, item.data);
	if (!mapping)
		return pprof_no_message(profile, "mapping");
	path = pprof_text(profile, mapping->filename);
	build_id = path ? pprof_text(profile, mapping->build_id) : NULL;
	perftools__profiles__mapping__free_unpacked(mapping, NULL);
	if (!build_id)
		return -1;
	header->exe = path;
	header->exe_build_id = build_id;
	return 0;
}

/*
 * Modules of no or boundless length reach as far as their addresses do. Their
 * addresses are the file's own (such producers subtract where it was loaded).
 */
static void
fit_wide_modules(struct tables *tables)
{
	struct model *model = tables->profile->build.model;
	bool *fitted = xcalloc((size_t)model->module_count + 1, 1);
	struct segment *segment;
	struct module *module;
	uint32_t i;

	for (i = 1; i <= model->pc_count; i++) {
		const struct pc *pc = &model->pcs[i];

		module = &model->modules[pc->module.id];
		segment = &module->segments[0];
		if (!pc->module.id ||
		    (module->segment_count && !fitted[pc->module.id]))
			continue;
		if (!module->segment_count) {
			fitted[pc->module.id] = true;
			module->segment_count = 1;
			segment->start = pc->address - 1;
		}
		if (segment->start > pc->address - 1)
			segment->start = pc->address - 1;
		if (segment->end < pc->address)
			segment->end = pc->address;
	}
	for (i = 1; i <= model->module_count; i++) {
		segment = &model->modules[i].segments[0];
		if (fitted[i]) {
			segment->file_offset = segment->start;
			segment->vaddr = segment->start;
		}
	}
	free(fitted);
}

/* --- functions --------------------------------------------------------------- */

static int
add_function(struct tables *tables,
	     const Perftools__Profiles__Function *message)
{
	struct pprof_profile *profile = tables->profile;
	struct function function = {
		.name = pprof_text(profile, message->name),
	};

	if (!function.name)
		return -1;
	function.linkage_name = pprof_text(profile, message->system_name);
	if (!function.linkage_name)
		return -1;
	function.file = pprof_text(profile, message->filename);
	if (!function.file)
		return -1;
	if (!*function.name)
		function.name = function.linkage_name;
	if (!*function.linkage_name)
		function.linkage_name = function.name;
	if (!*function.file)
		function.file = NULL;
	if (add_row(tables, &tables->functions, message->id, "function") < 0)
		return -1;
	tables->function = xgrow(tables->function, &tables->function_capacity,
				 tables->functions.count,
				 sizeof(*tables->function));
	tables->function[tables->functions.count - 1] = function;
	return 0;
}

static int
take_functions(struct tables *tables)
{
	Perftools__Profiles__Function *function;
	struct pprof_item item;
	size_t at = 0;
	int result;

	while ((result = pprof_next_of(tables->profile, PPROF_FUNCTION, &at,
				       &item)) == 1) {
		function = perftools__profiles__function__unpack(NULL, item.len,
								 item.data);
		if (!function)
			return pprof_no_message(tables->profile, "function");
		result = add_function(tables, function);
		perftools__profiles__function__free_unpacked(function, NULL);
		if (result < 0)
			return -1;
	}
	return result;
}

/* --- locations --------------------------------------------------------------- */

/* "NAME+0x1234" and "0x1234" stand for what has no name. */
static bool
is_fallback(const char *name, const char *path)
{
	const char *base = path_base(path);
	size_t len = strlen(base);

	if (len > 0 && strncmp(name, base, len) == 0 && name[len] == '+')
		name += len + 1;
	if (name[0] != '0' || name[1] != 'x' || !name[2])
		return false;
	return name[2 + strspn(name + 2, "0123456789abcdef")] == '\0';
}

/* *out is NULL if the location has no names. */
static int
make_symbols(struct tables *tables,
	     const Perftools__Profiles__Location *location, const char *path,
	     const struct symbols **out)
{
	struct build *build = &tables->profile->build;
	struct symbols *symbols;
	struct symbol *entries;
	size_t count = 0, i;

	*out = NULL;
	if (location->n_line == 0)
		return 0;
	tables->line_count += location->n_line;
	if (tables->line_count > PROFILE_ROWS_MAX)
		return err_at(build->err, ERR_TOO_LARGE, build->model->file,
			      build->offset, "more than %u lines",
			      PROFILE_ROWS_MAX);
	symbols = model_keep_zeroed(build->model, 1, sizeof(*symbols));
	entries = model_keep_zeroed(build->model, location->n_line,
				    sizeof(*entries));
	for (i = 0; i < location->n_line; i++) {
		const Perftools__Profiles__Line *line = location->line[i];
		const struct function *function;
		size_t row;

		if (line->function_id == 0)
			continue;
		row = find_row(&tables->functions, build->seed,
			       line->function_id);
		if (row == SIZE_MAX)
			return build_corrupt(build,
					     "there is no function %" PRIu64,
					     line->function_id);
		function = &tables->function[row];
		if (!*function->name)
			continue;
		entries[count++] = (struct symbol){
			.function = function->name,
			.linkage_name = function->linkage_name,
			.file = function->file,
			.line = line->line > 0 && line->line <= UINT32_MAX
					? (uint32_t)line->line
					: 0,
		};
	}
	if (count == 0)
		return 0;
	symbols->count = count;
	symbols->named = count > 1 || !is_fallback(entries[0].function, path);
	symbols->entries = entries;
	*out = symbols;
	return 0;
}

static const struct symbols no_names = {
	.count = 1,
	.entries =
		&(const struct symbol){
			.function = "[unknown]",
			.linkage_name = "[unknown]",
		},
};

/* What stack.c and report_pprof.c call what is not there. */
static enum said
what_is_said(const struct pprof_profile *profile, const struct symbols *symbols)
{
	const char *name = symbols->entries[0].function;

	if (!profile->ours || symbols->count != 1)
		return SAID_NOTHING;
	if (strcmp(name, "[truncated]") == 0)
		return SAID_TRUNCATED;
	if (strcmp(name, "[unknown call stack]") == 0)
		return SAID_UNKNOWN;
	if (strcmp(name, "[call stacks beyond the memory cap]") == 0)
		return SAID_OVERFLOW;
	return SAID_NOTHING;
}

static int
add_location(struct tables *tables,
	     const Perftools__Profiles__Location *location)
{
	struct build *build = &tables->profile->build;
	/* Ours is the return address. */
	uint64_t address = location->address ? location->address + 1 : 0;
	struct module_id module = { 0 };
	struct place place = { .said = SAID_NOTHING };
	const struct symbols *symbols;
	size_t row;

	if (location->mapping_id) {
		row = find_row(&tables->mappings, build->seed,
			       location->mapping_id);
		if (row == SIZE_MAX)
			return build_corrupt(build,
					     "there is no mapping %" PRIu64,
					     location->mapping_id);
		module = tables->modules[row];
	}
	if (make_symbols(tables, location,
			 build->model->modules[module.id].path, &symbols) < 0)
		return -1;
	if (!address)
		module.id = 0;
	if (!module.id && symbols)
		address = 0;
	if (!address && !symbols)
		symbols = &no_names;
	if (!module.id && symbols)
		place.said = what_is_said(tables->profile, symbols);
	if (add_row(tables, &tables->locations, location->id, "location") < 0 ||
	    build_pc(build, address, module, symbols, &place.pc) < 0)
		return -1;
	tables->places = xgrow(tables->places, &tables->place_capacity,
			       tables->locations.count,
			       sizeof(*tables->places));
	tables->places[tables->locations.count - 1] = place;
	return 0;
}

static int
take_locations(struct tables *tables)
{
	Perftools__Profiles__Location *location;
	struct pprof_item item;
	size_t at = 0;
	int result;

	while ((result = pprof_next_of(tables->profile, PPROF_LOCATION, &at,
				       &item)) == 1) {
		location = perftools__profiles__location__unpack(NULL, item.len,
								 item.data);
		if (!location)
			return pprof_no_message(tables->profile, "location");
		result = add_location(tables, location);
		perftools__profiles__location__free_unpacked(location, NULL);
		if (result < 0)
			return -1;
	}
	return result;
}

/* --- samples ----------------------------------------------------------------- */

static int
take_stack(struct tables *tables, const Perftools__Profiles__Sample *sample,
	   struct node_id *node, uint32_t *flags)
{
	struct build *build = &tables->profile->build;
	const struct place *place;
	size_t count = 0, row, i;

	tables->stack = xgrow(tables->stack, &tables->stack_capacity,
			      sample->n_location_id, sizeof(*tables->stack));
	for (i = 0; i < sample->n_location_id; i++) {
		row = find_row(&tables->locations, build->seed,
			       sample->location_id[i]);
		if (row == SIZE_MAX)
			return build_corrupt(build,
					     "there is no location %" PRIu64,
					     sample->location_id[i]);
		place = &tables->places[row];
		if (place->said == SAID_TRUNCATED)
			*flags |= SITE_TRUNCATED;
		if (place->said == SAID_OVERFLOW)
			*flags |= SITE_OVERFLOW;
		if (place->said == SAID_NOTHING)
			tables->stack[count++] = place->pc;
	}
	return build_stack(build, tables->stack, count, node, flags);
}

static int
take_value(struct tables *tables, const Perftools__Profiles__Sample *sample,
	   enum pprof_role role, int64_t *value)
{
	const struct pprof_profile *profile = tables->profile;

	*value = 0;
	if (profile->column[role] < 0)
		return 0;
	*value = sample->value[profile->column[role]];
	if (*value < 0)
		return err_set(
			profile->build.err, ERR_FOREIGN,
			"'%s': has values below 0: the difference of two profiles, not a profile",
			profile->build.model->file);
	return 0;
}

static int
add_sample(struct tables *tables, const Perftools__Profiles__Sample *sample)
{
	struct pprof_profile *profile = tables->profile;
	struct build_values values;
	struct node_id node = { 0 };
	uint32_t flags = 0;
	int64_t threads;

	if (tables->sample_count++ == PROFILE_ROWS_MAX)
		return err_at(profile->build.err, ERR_TOO_LARGE,
			      profile->build.model->file, profile->build.offset,
			      "more than %u samples", PROFILE_ROWS_MAX);
	if (sample->n_value != profile->type_count)
		return build_corrupt(&profile->build,
				     "a sample of %zu values, not %zu",
				     sample->n_value, profile->type_count);
	if (take_value(tables, sample, PPROF_ALLOC_OBJECTS,
		       &values.alloc_objects) < 0 ||
	    take_value(tables, sample, PPROF_ALLOC_BYTES, &values.alloc_bytes) <
		    0 ||
	    take_value(tables, sample, PPROF_LIVE_OBJECTS,
		       &values.live_objects) < 0 ||
	    take_value(tables, sample, PPROF_LIVE_BYTES, &values.live_bytes) <
		    0 ||
	    take_value(tables, sample, PPROF_THREADS, &threads) < 0)
		return -1;
	if (take_stack(tables, sample, &node, &flags) < 0)
		return -1;
	if (threads > 0 &&
	    build_add_threads(&profile->build, node, flags, threads) < 0)
		return -1;
	if (values.alloc_objects || values.alloc_bytes || values.live_objects ||
	    values.live_bytes)
		return build_add(&profile->build, node, flags, &values);
	return 0;
}

static int
take_samples(struct tables *tables)
{
	Perftools__Profiles__Sample *sample;
	struct pprof_item item;
	size_t at = 0;
	int result;

	while ((result = pprof_next_of(tables->profile, PPROF_SAMPLE, &at,
				       &item)) == 1) {
		sample = perftools__profiles__sample__unpack(NULL, item.len,
							     item.data);
		if (!sample)
			return pprof_no_message(tables->profile, "sample");
		result = add_sample(tables, sample);
		perftools__profiles__sample__free_unpacked(sample, NULL);
		if (result < 0)
			return -1;
	}
	return result;
}

int
pprof_tables(struct pprof_profile *profile)
{
	struct tables tables = { .profile = profile };
	int result = 0;

	if (take_mappings(&tables) < 0 || take_functions(&tables) < 0 ||
	    take_locations(&tables) < 0 || take_samples(&tables) < 0)
		result = -1;
	else if (tables.any_wide)
		fit_wide_modules(&tables);
	release_rows(&tables.mappings);
	release_rows(&tables.functions);
	release_rows(&tables.locations);
	free(tables.modules);
	free(tables.function);
	free(tables.places);
	free(tables.stack);
	return result;
}
