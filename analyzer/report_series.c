#include "report_series.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "atlas.h"
#include "csv_fields.h"
#include "format.h"
#include "history.h"
#include "index.h"
#include "process.h"
#include "resolver.h"
#include "site_id.h"
#include "stack.h"
#include "xalloc.h"

enum {
	LIVE_BYTES,
	LIVE_OBJECTS,
	ALLOC_BYTES,
	ALLOC_OBJECTS,
	FREE_BYTES,
	FREE_OBJECTS,
	COLUMN_COUNT
};

/* What has one id. */
struct site_row {
	uint64_t id;
	char *before;    /* "ID,FUNCTION" */
	char *after;     /* ",FILE,LINE,MODULE,STACK" of the first stack met */
	uint32_t serial; /* of the last snapshot that has it */
	int64_t columns[COLUMN_COUNT]; /* there */
};

/* Sites of one kind. Rows are 1 .. count. */
struct site_rows {
	enum row_kind kind;
	struct site_row *list; /* from 0 */
	uint32_t count;
	size_t capacity;
	struct index by_id;
	uint32_t *by_stack; /* row by number in the atlas; 0 = not met yet */
	size_t stack_count;
	size_t stack_capacity;
};

struct series {
	FILE *out;
	/* Its own, as the study's does not have a snapshot before it was
	 * visited. Names come from the same symbolizer, which asks once. */
	struct atlas *atlas;
	struct resolver *resolver;
	struct site_rows heap;
	struct site_rows threads;
	uint64_t base_ns; /* profiles: of the first of the process */
	uint32_t serial;
	struct stack stack; /* the rest is scratch */
	struct strbuf process;
	struct strbuf first_columns;
	struct strbuf line;
	struct strbuf text;
};

struct series *
series_new(FILE *out, struct symbolizer *symbolizer, const struct blame *blame)
{
	struct series *series = xcalloc(1, sizeof(*series));

	series->out = out;
	series->atlas = atlas_new();
	series->resolver = resolver_new(series->atlas, symbolizer, blame);
	series->heap.kind = ROW_HEAP;
	series->threads.kind = ROW_THREAD;
	fputs("snapshot,process,sequence,time,elapsed_s,kind,site,function,"
	      "live_bytes,live_objects,alloc_bytes,alloc_objects,"
	      "free_bytes,free_objects," CSV_PLACE_COLUMNS "\n",
	      out);
	return series;
}

static void
release_rows(struct site_rows *rows)
{
	uint32_t i;

	for (i = 0; i < rows->count; i++) {
		free(rows->list[i].before);
		free(rows->list[i].after);
	}
	free(rows->list);
	free(rows->by_stack);
	index_release(&rows->by_id);
}

void
series_free(struct series *series)
{
	if (!series)
		return;
	release_rows(&series->heap);
	release_rows(&series->threads);
	resolver_free(series->resolver);
	atlas_free(series->atlas);
	stack_release(&series->stack);
	strbuf_release(&series->process);
	strbuf_release(&series->first_columns);
	strbuf_release(&series->line);
	strbuf_release(&series->text);
	free(series);
}

/* --- sites ------------------------------------------------------------------ */

static void
describe_row(struct series *series, struct site_row *row)
{
	const struct stack *stack = &series->stack;
	struct strbuf text = { 0 };
	char id[SITE_ID_BYTES];

	site_id_format(id, row->id);
	strbuf_adds(&text, id);
	strbuf_addc(&text, ',');
	csv_add_field(&text, stack->frames[stack->blamed].symbol->function);
	row->before = strbuf_detach(&text);
	csv_add_place(&text, &series->text, stack);
	row->after = strbuf_detach(&text);
	strbuf_release(&text);
}

/* The row of a stack that was not met before. */
static uint32_t
find_row(struct series *series, struct site_rows *rows, uint32_t number,
	 uint32_t flags)
{
	struct atlas_stack stack = atlas_stack(series->atlas, number);
	uint32_t found;
	size_t at = SIZE_MAX;
	uint64_t id;

	stack_resolve_node(&series->stack, series->resolver, rows->kind,
			   stack.node, flags);
	id = site_id_of_stack(series->atlas, &series->stack);
	while ((found = index_next(&rows->by_id, id, &at))) {
		if (rows->list[found - 1].id == id)
			return found;
	}
	rows->list = xgrow(rows->list, &rows->capacity, (size_t)rows->count + 1,
			   sizeof(*rows->list));
	rows->list[rows->count] = (struct site_row){ .id = id };
	describe_row(series, &rows->list[rows->count++]);
	index_add(&rows->by_id, id, rows->count);
	return rows->count;
}

static struct site_row *
row_of_stack(struct series *series, struct site_rows *rows, uint32_t number,
	     uint32_t flags)
{
	rows->by_stack = xgrow(rows->by_stack, &rows->stack_capacity,
			       (size_t)number + 1, sizeof(*rows->by_stack));
	while (rows->stack_count <= number)
		rows->by_stack[rows->stack_count++] = 0;
	if (!rows->by_stack[number])
		rows->by_stack[number] = find_row(series, rows, number, flags);
	return &rows->list[rows->by_stack[number] - 1];
}

static void
add_columns(struct site_row *row, uint32_t serial,
	    const uint64_t columns[COLUMN_COUNT])
{
	unsigned int i;

	if (row->serial != serial)
		memset(row->columns, 0, sizeof(row->columns));
	row->serial = serial;
	/* No overflow: see model.h. */
	for (i = 0; i < COLUMN_COUNT; i++)
		row->columns[i] += (int64_t)columns[i];
}

static void
add_sites(struct series *series, const struct model *model,
	  const struct atlas_numbers *numbers)
{
	uint32_t i;

	for (i = 1; i <= model->site_count; i++) {
		const struct site *site = &model->sites[i];
		const struct counts *counts = &site->counts;
		const uint64_t columns[COLUMN_COUNT] = {
			counts->live_bytes,  counts->live_objects,
			counts->alloc_bytes, counts->alloc_objects,
			counts->free_bytes,  counts->free_objects,
		};

		add_columns(row_of_stack(series, &series->heap,
					 numbers->heap[i], site->flags),
			    series->serial, columns);
	}
	for (i = 1; i <= model->thread_site_count; i++) {
		const struct thread_site *site = &model->thread_sites[i];
		const uint64_t columns[COLUMN_COUNT] = {
			site->held_stack_bytes,
			site->running + site->exited_unjoined,
			site->created_stack_bytes,
			site->created,
			site->released_stack_bytes,
			site->released,
		};

		add_columns(row_of_stack(series, &series->threads,
					 numbers->threads[i], site->flags),
			    series->serial, columns);
	}
}

/* --- rows ------------------------------------------------------------------- */

/* Since tracking began; of profiles, which don't say when that was, since the
 * first of the process. */
static double
elapsed_s(struct series *series, const struct model *model)
{
	uint64_t time_ns = history_time_ns(&model->header);

	if (model->origin != ORIGIN_PROFILE)
		return (double)time_ns / 1e9;
	if (!series->base_ns)
		series->base_ns = time_ns;
	return ((double)time_ns - (double)series->base_ns) / 1e9;
}

/* What every row of the snapshot begins with. */
static void
make_first_columns(struct series *series, const struct model *model)
{
	const struct header *header = &model->header;
	struct strbuf *line = &series->first_columns;
	struct strbuf *text = &series->text;

	strbuf_clear(text);
	process_name(text, header, true);
	if (strcmp(strbuf_text(text), strbuf_text(&series->process)) != 0)
		series->base_ns = 0;
	strbuf_clear(&series->process);
	strbuf_adds(&series->process, strbuf_text(text));

	strbuf_clear(line);
	csv_add_field(line, model->file);
	strbuf_addc(line, ',');
	csv_add_field(line, strbuf_text(text));
	strbuf_addf(line, ",%" PRIu64 ",", header->sequence);
	if (header->wall_ns)
		format_timestamp(line, header->wall_ns);
	strbuf_addf(line, ",%.3f,", elapsed_s(series, model));
}

static void
write_row(struct series *series, enum row_kind kind, const char *before,
	  const int64_t columns[COLUMN_COUNT], const char *after)
{
	struct strbuf *line = &series->line;

	strbuf_clear(line);
	strbuf_add(line, series->first_columns.data, series->first_columns.len);
	strbuf_adds(line, csv_kind_name(kind));
	strbuf_addc(line, ',');
	strbuf_adds(line, before);
	csv_add_integers(line, columns, COLUMN_COUNT);
	strbuf_adds(line, after);
	strbuf_addc(line, '\n');
	fwrite(line->data, 1, line->len, series->out);
}

/* In the order of first meeting, so that a site keeps its place. */
static void
write_sites(struct series *series, const struct site_rows *rows)
{
	uint32_t i;

	for (i = 0; i < rows->count; i++) {
		const struct site_row *row = &rows->list[i];

		if (row->serial == series->serial)
			write_row(series, rows->kind, row->before, row->columns,
				  row->after);
	}
}

static void
write_ledger(struct series *series, const struct ledger *ledger)
{
	unsigned int i;

	if (!ledger->present)
		return;
	for (i = 0; i < LEDGER_LINE_COUNT; i++) {
		const int64_t columns[COLUMN_COUNT] = {
			[LIVE_BYTES] = ledger->bytes[i],
		};

		strbuf_clear(&series->text);
		strbuf_addc(&series->text, ',');
		strbuf_adds(&series->text,
			    csv_ledger_name((enum ledger_line)i));
		write_row(series, ROW_LEDGER, strbuf_text(&series->text),
			  columns, ",,,,");
	}
}

int
series_visit(void *visitor, const struct model *model, struct err *err)
{
	struct series *series = visitor;
	struct atlas_numbers numbers;

	(void)err; /* a failed write is the caller's to notice */
	series->serial++;
	atlas_add(series->atlas, model, &numbers);
	add_sites(series, model, &numbers);
	atlas_numbers_release(&numbers);
	make_first_columns(series, model);
	write_sites(series, &series->heap);
	write_sites(series, &series->threads);
	write_ledger(series, &model->ledger);
	return 0;
}
