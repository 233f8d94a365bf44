#include "json_rows.h"

#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "jsonval.h"
#include "site_id.h"
#include "xalloc.h"

void
json_rows_set_amounts(json_t *object, const struct row *row)
{
	jsonval_set_integer(object, "delta_bytes", row->delta.bytes);
	jsonval_set_integer(object, "delta_objects", row->delta.objects);
	jsonval_set_integer(object, "live_bytes_old", row->live_old.bytes);
	jsonval_set_integer(object, "live_bytes_new", row->live_new.bytes);
	jsonval_set_integer(object, "live_objects_old", row->live_old.objects);
	jsonval_set_integer(object, "live_objects_new", row->live_new.objects);
	jsonval_set_integer(object, "alloc_bytes", row->alloc.bytes);
	jsonval_set_integer(object, "alloc_objects", row->alloc.objects);
	jsonval_set_integer(object, "free_bytes", row->release.bytes);
	jsonval_set_integer(object, "free_objects", row->release.objects);
}

/* --- frames ----------------------------------------------------------------- */

struct json_frame {
	struct stack_frame frame;
	json_t *index; /* in the table; one value for all stacks */
};

static bool
frame_equal(const void *entry, const void *key)
{
	const struct stack_frame *a =
		&((const struct json_frame *)entry)->frame;
	const struct stack_frame *b = key;

	return a->symbol == b->symbol && a->module == b->module &&
	       a->inlined == b->inlined;
}

static void
set_line(json_t *object, const struct symbol *symbol)
{
	jsonval_set(object, "line",
		    symbol->line ? json_integer(symbol->line) : json_null());
}

static void
set_module(json_t *object, const struct module *module)
{
	jsonval_set_name(object, "module", module->path);
}

static json_t *
describe_frame(const struct stack_frame *frame)
{
	json_t *object = json_object();

	jsonval_set_text(object, "function", frame->symbol->function);
	jsonval_set_text(object, "file", frame->symbol->file);
	set_line(object, frame->symbol);
	set_module(object, frame->module);
	jsonval_set(object, "inlined", json_boolean(frame->inlined));
	jsonval_set(object, "named", json_boolean(frame->named));
	return object;
}

static json_t *
frame_index(struct json_rows *rows, const struct stack_frame *frame)
{
	uint64_t hash =
		hash_u64((uintptr_t)frame->symbol, (uintptr_t)frame->module);
	struct json_frame *found;
	void **place = hashtab_place(&rows->by_frame, hash, frame, frame_equal);

	if (!*place) {
		found = xmalloc(sizeof(*found));
		found->frame = *frame;
		found->index =
			json_integer((json_int_t)json_array_size(rows->frames));
		json_array_append_new(rows->frames, describe_frame(frame));
		*place = found;
	}
	return ((struct json_frame *)*place)->index;
}

void
json_rows_init(struct json_rows *rows, const struct report *report)
{
	*rows = (struct json_rows){
		.report = report,
		.frames = json_array(),
	};
}

void
json_rows_release(struct json_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->by_frame.capacity; i++) {
		struct json_frame *frame = rows->by_frame.slots[i].entry;

		if (frame)
			json_decref(frame->index);
		free(frame);
	}
	hashtab_release(&rows->by_frame);
	stack_release(&rows->stack);
	json_decref(rows->frames);
}

/* --- rows ------------------------------------------------------------------- */

static void
set_per_unit(json_t *value, const struct work_rate *rate)
{
	if (!rate->unit)
		return;
	jsonval_set_text(value, "unit", rate->unit);
	jsonval_set_real(value, "bytes_per_unit", rate->bytes);
	jsonval_set_real(value, "bytes_per_unit_low", rate->bytes_low);
	jsonval_set_real(value, "bytes_per_unit_high", rate->bytes_high);
	jsonval_set_real(value, "objects_per_unit", rate->objects);
	jsonval_set_real(value, "objects_per_unit_low", rate->objects_low);
	jsonval_set_real(value, "objects_per_unit_high", rate->objects_high);
}

/* `stack` is that of the row; NULL for lines of the ledger. */
static void
set_verdict(json_t *object, const struct row *row, const struct stack *stack)
{
	const struct verdict *verdict = &row->verdict;
	json_t *value = json_object();
	struct strbuf next = { 0 };

	jsonval_set_text(value, "kind", verdict_name(verdict->kind));
	jsonval_set_real(value, "confidence", verdict->confidence);
	jsonval_set_real(value, "bytes_per_hour", verdict->bytes_per_hour);
	jsonval_set_real(value, "bytes_per_hour_low",
			 verdict->bytes_per_hour_low);
	jsonval_set_real(value, "bytes_per_hour_high",
			 verdict->bytes_per_hour_high);
	jsonval_set_real(value, "objects_per_hour", verdict->objects_per_hour);
	jsonval_set(value, "eta_hours",
		    verdict->eta_hours < 0 ? json_null()
					   : jsonval_real(verdict->eta_hours));
	jsonval_set_real(value, "warmup_s", verdict->warmup_s);
	set_per_unit(value, &row->per_unit);
	if (verdict->kind == VERDICT_INSUFFICIENT) {
		jsonval_set_integer(value, "more_snapshots",
				    verdict->more_snapshots);
		jsonval_set_real(value, "spacing_s", verdict->spacing_s);
	}
	if (advice(&next, row, stack))
		jsonval_set_text(value, "advice", strbuf_text(&next));
	strbuf_release(&next);
	jsonval_set(object, "verdict", value);
}

/* Objects too, but of the ledger, which has none. */
static void
set_series(json_t *object, const struct diff *diff, const struct row *row)
{
	json_t *series, *bytes, *objects;
	size_t i;

	if (!row->points)
		return;
	series = json_object();
	bytes = json_array();
	for (i = 0; i < diff->point_count; i++)
		json_array_append_new(bytes,
				      json_integer(row->points[i].bytes));
	jsonval_set(series, "bytes", bytes);
	if (row->kind != ROW_LEDGER) {
		objects = json_array();
		for (i = 0; i < diff->point_count; i++)
			json_array_append_new(
				objects, json_integer(row->points[i].objects));
		jsonval_set(series, "objects", objects);
	}
	jsonval_set(object, "series", series);
}

static void
set_ages(json_t *object, const struct diff *diff, const struct row *row)
{
	json_t *ages = json_array();
	struct age_bin bins[LKS_COHORTS];
	size_t count = diff_ages(diff, row, bins);
	size_t i;

	for (i = 0; i < count; i++) {
		json_t *bin = json_object();

		jsonval_set_real(bin, "min_s", bins[i].min_s);
		jsonval_set_real(bin, "max_s", bins[i].max_s);
		jsonval_set_integer(bin, "bytes", bins[i].bytes);
		jsonval_set_integer(bin, "objects", bins[i].objects);
		json_array_append_new(ages, bin);
	}
	jsonval_set(object, "ages", ages);
}

static void
set_stack(struct json_rows *rows, json_t *object, const struct row *row)
{
	const struct stack *stack = &rows->stack;
	json_t *indices = json_array();
	size_t i;

	for (i = 0; i < stack->count; i++)
		json_array_append(indices,
				  frame_index(rows, &stack->frames[i]));
	jsonval_set(object, "stack", indices);
	jsonval_set(object, "blamed", json_integer((json_int_t)stack->blamed));
	jsonval_set(object, "truncated", json_boolean(stack->truncated));
	jsonval_set_integer(object, "stacks", row->stacks);
	if (row->label)
		jsonval_set_text(object, "label", row->label);
}

void
json_rows_set_site(struct json_rows *rows, json_t *object,
		   const struct row *row)
{
	struct stack *stack = &rows->stack;
	uint64_t id = site_id_of_row(rows->report->study->atlas,
				     rows->report->resolver, row, stack);
	const struct stack_frame *blamed = &stack->frames[stack->blamed];
	char text[SITE_ID_BYTES];

	site_id_format(text, id);
	jsonval_set_text(object, "id", text);
	jsonval_set_text(object, "function", blamed->symbol->function);
	jsonval_set_text(object, "file", blamed->symbol->file);
	set_line(object, blamed->symbol);
	set_module(object, blamed->module);
}

static json_t *
describe_row(struct json_rows *rows, const struct row *row)
{
	const struct diff *diff = rows->diff;
	json_t *object = json_object();

	json_rows_set_site(rows, object, row);
	json_rows_set_amounts(object, row);
	set_stack(rows, object, row);
	if (row->verdict.kind != VERDICT_NONE)
		set_verdict(object, row, &rows->stack);
	set_series(object, diff, row);
	if (row->kind == ROW_HEAP) {
		if (!diff->old_model)
			jsonval_set_real(object, "suspicion", row->suspicion);
		set_ages(object, diff, row);
	} else {
		jsonval_set_integer(object, "running_old",
				    row->threads_old.running);
		jsonval_set_integer(object, "running_new",
				    row->threads_new.running);
		jsonval_set_integer(object, "unjoined_old",
				    row->threads_old.unjoined);
		jsonval_set_integer(object, "unjoined_new",
				    row->threads_new.unjoined);
	}
	return object;
}

json_t *
json_rows_next(struct json_rows *rows, enum row_kind kind,
	       struct select_cursor *cursor)
{
	const struct row *row =
		select_next(rows->diff, kind, cursor, rows->report->top);

	return row ? describe_row(rows, row) : NULL;
}

json_t *
json_rows_ledger(struct json_rows *rows)
{
	static const char *const names[] = {
#define X(name, words) #name,
		LEDGER_LINES(X)
#undef X
	};
	static const char *const words[] = {
#define X(name, words) words,
		LEDGER_LINES(X)
#undef X
	};
	const struct diff *diff = rows->diff;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < diff->count[ROW_LEDGER]; i++) {
		const struct row *row =
			&diff->rows[diff->first[ROW_LEDGER] + i];
		json_t *object = json_object();

		jsonval_set_text(object, "line", names[row->line]);
		jsonval_set_text(object, "words", words[row->line]);
		jsonval_set_integer(object, "bytes_old", row->live_old.bytes);
		jsonval_set_integer(object, "bytes_new", row->live_new.bytes);
		jsonval_set_integer(object, "delta_bytes", row->delta.bytes);
		if (row->verdict.kind != VERDICT_NONE)
			set_verdict(object, row, NULL);
		set_series(object, diff, row);
		json_array_append_new(list, object);
	}
	return list;
}
