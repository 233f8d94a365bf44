#include "report_dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "format.h"
#include "hashtab.h"
#include "index.h"
#include "jsonval.h"
#include "path.h"
#include "process.h"
#include "report_json.h"
#include "shorten.h"
#include "site_id.h"
#include "xalloc.h"

/* --- for people ------------------------------------------------------------- */

/* `alloc_small h.c:5` */
static void
add_frame(struct strbuf *out, const struct stack_frame *frame)
{
	const struct symbol *symbol = frame->symbol;

	shorten_standard(out, symbol->function);
	if (symbol->file) {
		strbuf_addc(out, ' ');
		strbuf_add_printable(out, path_base(symbol->file));
		if (symbol->line)
			strbuf_addf(out, ":%" PRIu32, symbol->line);
	}
}

/* `alloc_small h.c:5 (h)`; `with_caller` adds the frame around it. */
static void
add_place(struct strbuf *out, const struct stack *stack, bool with_caller)
{
	const struct stack_frame *frame = &stack->frames[stack->blamed];

	add_frame(out, frame);
	if (*frame->module->path) {
		strbuf_adds(out, " (");
		strbuf_add_printable(out, path_base(frame->module->path));
		strbuf_addc(out, ')');
	}
	if (with_caller && stack->blamed + 1 < stack->count) {
		strbuf_adds(out, " < ");
		add_frame(out, frame + 1);
	}
}

/* A cell, its right end at the column's. */
static void
add_cell(struct strbuf *out, struct strbuf *cell, int width)
{
	strbuf_addf(out, "%*s  ", width, strbuf_text(cell));
	strbuf_clear(cell);
}

static void
add_blocks(struct strbuf *out, uint64_t blocks, uint64_t bytes)
{
	format_count(out, (int64_t)blocks, false);
	strbuf_addf(out, " live block%s, ", blocks == 1 ? "" : "s");
	format_bytes(out, (int64_t)bytes, false);
}

static void
add_contents(struct strbuf *out, const struct block_totals *totals)
{
	if (!totals->contents_limit)
		return;
	strbuf_addf(out,
		    "contents  the first %" PRIu32 " bytes of each block: they "
		    "may be secret\n",
		    totals->contents_limit);
	if (!totals->contents_unread)
		return;
	strbuf_adds(out, "          not those of ");
	format_count(out, (int64_t)totals->contents_unread, false);
	strbuf_adds(out, " blocks, which were gone or too many\n");
}

static void
add_head(struct strbuf *out, const struct dump *dump)
{
	const struct block_totals *totals = dump_totals(dump);
	const struct model *model = dump_model(dump);
	const struct header *header = &model->header;

	add_blocks(out, totals->blocks, totals->bytes);
	strbuf_adds(out, ".\n\nprocess   ");
	strbuf_add_printable(out, header->exe);
	strbuf_adds(out, ", ");
	process_name_printable(out, header);
	strbuf_adds(out, "\ndump      ");
	strbuf_add_printable(out, model->file);
	strbuf_adds(out, ", ");
	format_time(out, header->wall_ns);
	strbuf_addc(out, '\n');
	if (header->sample_bytes > 1) {
		strbuf_adds(out, "counted   a sample: one block for every ");
		format_bytes(out, (int64_t)header->sample_bytes, false);
		strbuf_adds(out, " allocated, each with its own size\n");
	}
	if (model->losses.thinning_shift) {
		strbuf_adds(out, "counted   ");
		format_thinning(out, model->losses.thinning_shift);
		strbuf_addc(out, '\n');
	}
	add_contents(out, totals);
	if (totals->left_out) {
		strbuf_adds(out, "left out  ");
		format_count(out, (int64_t)totals->left_out, false);
		strbuf_adds(out, " blocks: the file was full\n");
	}
	if (model->truncated)
		strbuf_adds(out, "note      the file is truncated: some blocks "
				 "are missing, and all call stacks\n");
}

/* Whole seconds are known, no tenths. */
static void
add_age(struct strbuf *out, uint64_t age_s)
{
	if (age_s < 60)
		strbuf_addf(out, "%" PRIu64 " s", age_s);
	else
		format_duration(out, age_s * CLOCK_NS_PER_S);
}

static void
add_more(struct strbuf *out, size_t count, size_t shown)
{
	if (count > shown)
		strbuf_addf(out, " not listed: %zu more (--top)\n",
			    count - shown);
}

/* `name` is put behind bytes, count and age. */
static void
add_group(struct strbuf *out, const struct dump_group *group)
{
	struct strbuf cell = { 0 };

	format_bytes(&cell, (int64_t)group->bytes, false);
	add_cell(out, &cell, 10);
	format_count(&cell, (int64_t)group->blocks, false);
	add_cell(out, &cell, 12);
	add_age(&cell, group->oldest_s);
	add_cell(out, &cell, 10);
	strbuf_release(&cell);
}

/* Which of the first `count` sites have their place in common with another of
 * them; the caller frees it. */
static bool *
find_alike(struct dump *dump, size_t count)
{
	const struct dump_group *sites = dump_sums(dump)->sites;
	bool *alike = xcalloc(count, sizeof(*alike));
	char **places = xcalloc(count, sizeof(*places));
	struct index by_place = { 0 };
	struct strbuf place = { 0 };
	uint32_t found;
	uint64_t hash;
	size_t i, at;

	for (i = 0; i < count; i++) {
		add_place(&place, dump_stack(dump, sites[i].site), false);
		hash = hash_bytes(HASH_START, strbuf_text(&place), place.len);
		places[i] = strbuf_detach(&place);
		at = SIZE_MAX;
		while ((found = index_next(&by_place, hash, &at)))
			if (!strcmp(places[found - 1], places[i]))
				alike[found - 1] = alike[i] = true;
		if (!alike[i])
			index_add(&by_place, hash, (uint32_t)i + 1);
	}
	for (i = 0; i < count; i++)
		free(places[i]);
	free(places);
	index_release(&by_place);
	return alike;
}

static void
add_sites(struct strbuf *out, struct dump *dump, size_t top)
{
	const struct dump_sums *sums = dump_sums(dump);
	size_t count = sums->site_count < top ? sums->site_count : top;
	bool *alike = find_alike(dump, count);
	size_t i;

	strbuf_adds(out, "\nSites by bytes\n"
			 "     bytes        blocks      oldest  site\n");
	for (i = 0; i < count; i++) {
		add_group(out, &sums->sites[i]);
		add_place(out, dump_stack(dump, sums->sites[i].site), alike[i]);
		strbuf_addc(out, '\n');
	}
	add_more(out, sums->site_count, count);
	free(alike);
}

static void
add_types(struct strbuf *out, const struct dump *dump, size_t top)
{
	const struct dump_sums *sums = dump_sums(dump);
	size_t i;

	if (!dump_totals(dump)->contents_limit)
		return;
	strbuf_adds(out, "\nTypes by bytes\n"
			 "     bytes        blocks      oldest  type\n");
	for (i = 0; i < sums->type_count && i < top; i++) {
		add_group(out, &sums->types[i]);
		shorten_standard(out, sums->types[i].type);
		strbuf_addc(out, '\n');
	}
	add_more(out, sums->type_count, i);
	if (sums->untyped.blocks) {
		add_group(out, &sums->untyped);
		strbuf_adds(out, "(no C++ object with a vtable, or unknown)\n");
	}
}

static void
add_oldest(struct strbuf *out, struct dump *dump)
{
	const struct dump_sums *sums = dump_sums(dump);
	struct strbuf cell = { 0 };
	size_t i;

	strbuf_adds(out, "\nOldest blocks\n"
			 "           address       bytes         age  site\n");
	for (i = 0; i < sums->oldest_count; i++) {
		const struct dump_block *block = &sums->oldest[i];

		strbuf_addf(&cell, "0x%" PRIx64, block->address);
		add_cell(out, &cell, 18);
		format_bytes(&cell, (int64_t)block->size, false);
		add_cell(out, &cell, 10);
		add_age(&cell, block->age_s);
		add_cell(out, &cell, 10);
		add_place(out, dump_stack(dump, block->site), false);
		if (block->type) {
			strbuf_adds(out, ": ");
			strbuf_add_printable(out, block->type);
		}
		strbuf_addc(out, '\n');
	}
	strbuf_release(&cell);
}

int
report_dump_text(struct dump *dump, size_t top, FILE *out, struct err *err)
{
	struct strbuf text = { 0 };

	if (dump_sum(dump, top, err) < 0)
		return -1;
	add_head(&text, dump);
	add_sites(&text, dump, top);
	add_types(&text, dump, top);
	add_oldest(&text, dump);
	fwrite(strbuf_text(&text), 1, text.len, out);
	strbuf_release(&text);
	return 0;
}

/* --- as JSON ---------------------------------------------------------------- */

/* Returns its call stack; borrowed as of dump_stack(). */
static const struct stack *
set_place(json_t *object, struct dump *dump, uint32_t site)
{
	const struct stack *stack = dump_stack(dump, site);
	const struct stack_frame *blamed = &stack->frames[stack->blamed];
	char id[SITE_ID_BYTES];

	site_id_format(id, dump_site_id(dump));
	jsonval_set_text(object, "site", id);
	jsonval_set_text(object, "function", blamed->symbol->function);
	jsonval_set_text(object, "file", blamed->symbol->file);
	if (blamed->symbol->line)
		jsonval_set_count(object, "line", blamed->symbol->line);
	else
		jsonval_set_text(object, "line", NULL);
	jsonval_set_name(object, "module", blamed->module->path);
	return stack;
}

static void
set_site(json_t *object, struct dump *dump, uint32_t site)
{
	const struct stack *stack = set_place(object, dump, site);
	json_t *frames = json_array();
	size_t i;

	for (i = 0; i < stack->count; i++)
		json_array_append_new(
			frames,
			jsonval_text(stack->frames[i].symbol->function));
	jsonval_set(object, "stack", frames);
}

static json_t *
describe_group(const struct dump_group *group)
{
	json_t *object = json_object();

	jsonval_set_count(object, "blocks", group->blocks);
	jsonval_set_count(object, "bytes", group->bytes);
	jsonval_set_count(object, "oldest_s", group->oldest_s);
	return object;
}

static json_t *
describe_sites(struct dump *dump, size_t top)
{
	const struct dump_sums *sums = dump_sums(dump);
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < sums->site_count && i < top; i++) {
		json_t *object = describe_group(&sums->sites[i]);

		set_site(object, dump, sums->sites[i].site);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *
describe_types(const struct dump *dump, size_t top)
{
	const struct dump_sums *sums = dump_sums(dump);
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < sums->type_count && i < top; i++) {
		json_t *object = describe_group(&sums->types[i]);

		jsonval_set_text(object, "type", sums->types[i].type);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *
describe_oldest(struct dump *dump)
{
	const struct dump_sums *sums = dump_sums(dump);
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < sums->oldest_count; i++) {
		const struct dump_block *block = &sums->oldest[i];
		json_t *object = json_object();

		jsonval_set_count(object, "address", block->address);
		jsonval_set_count(object, "bytes", block->size);
		jsonval_set_count(object, "age_s", block->age_s);
		jsonval_set_text(object, "type", block->type);
		set_place(object, dump, block->site);
		json_array_append_new(list, object);
	}
	return list;
}

/* Sites of the oldest blocks that are not among the first `top`: a call stack
 * is told once, many blocks may have it. */
static json_t *
describe_other_sites(struct dump *dump, size_t top)
{
	const struct dump_sums *sums = dump_sums(dump);
	size_t sites = (size_t)dump_model(dump)->site_count + 1;
	bool *told = xcalloc(sites, sizeof(*told));
	json_t *list = json_array(), *object;
	size_t i;

	for (i = 0; i < sums->site_count && i < top; i++)
		told[sums->sites[i].site] = true;
	for (i = 0; i < sums->oldest_count; i++) {
		if (told[sums->oldest[i].site])
			continue;
		told[sums->oldest[i].site] = true;
		object = json_object();
		set_site(object, dump, sums->oldest[i].site);
		json_array_append_new(list, object);
	}
	free(told);
	return list;
}

static json_t *
describe_dump(struct dump *dump, size_t top)
{
	const struct block_totals *totals = dump_totals(dump);
	const struct model *model = dump_model(dump);
	const struct header *header = &model->header;
	const struct dump_sums *sums = dump_sums(dump);
	json_t *object = json_object();

	jsonval_set_integer(object, "schema_version", REPORT_JSON_SCHEMA);
	jsonval_set_text(object, "tool", "leakdiff " LEAKSHIM_VERSION);
	jsonval_set_text(object, "mode", "dump");
	jsonval_set_text(object, "file", model->file);
	jsonval_set_name(object, "host", header->host);
	jsonval_set_count(object, "pid", header->pid);
	jsonval_set_name(object, "exe", header->exe);
	jsonval_set_count(object, "wall_ns", header->wall_ns);
	jsonval_set_count(object, "sample_bytes", header->sample_bytes);
	jsonval_set_count(object, "thinning_shift",
			  model->losses.thinning_shift);
	jsonval_set_boolean(object, "truncated", model->truncated);
	jsonval_set_count(object, "blocks", totals->blocks);
	jsonval_set_count(object, "bytes", totals->bytes);
	jsonval_set_count(object, "left_out", totals->left_out);
	jsonval_set_count(object, "contents_limit", totals->contents_limit);
	jsonval_set_count(object, "contents_unread", totals->contents_unread);
	jsonval_set_count(object, "sites_count", sums->site_count);
	jsonval_set(object, "sites", describe_sites(dump, top));
	jsonval_set_count(object, "types_count", sums->type_count);
	jsonval_set(object, "types", describe_types(dump, top));
	jsonval_set(object, "untyped", describe_group(&sums->untyped));
	jsonval_set(object, "oldest", describe_oldest(dump));
	jsonval_set(object, "other_sites", describe_other_sites(dump, top));
	return object;
}

int
report_dump_json(struct dump *dump, size_t top, FILE *out, struct err *err)
{
	json_t *object;
	int failed;

	json_set_alloc_funcs(xmalloc, free);
	if (dump_sum(dump, top, err) < 0)
		return -1;
	object = describe_dump(dump, top);
	failed = json_dumpf(object, out, JSON_COMPACT);
	json_decref(object);
	fputc('\n', out);
	/* A failed write is the caller's to notice. */
	if (failed && !ferror(out))
		return err_set(err, ERR_WRITE, "the JSON can't be made");
	return 0;
}
