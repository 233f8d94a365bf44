#include "culprit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "select.h"
#include "shorten.h"
#include "xalloc.h"

/* Of a name in a sentence: those of templates have thousands of characters, and
 * nobody would find the verb. The list of sites has them in full. */
#define CULPRIT_COLUMNS 100

/* What a row's sites have in common, if that is not the blamed function. */
static const char *
group_of(const struct row *row, const struct symbol *symbol)
{
	if (!row->label || strcmp(row->label, symbol->function) == 0)
		return NULL;
	return row->label;
}

static struct culprit *
find_culprit(struct culprit *culprits, size_t *count, const struct row *row,
	     const struct stack_frame *frame)
{
	const struct symbol *symbol = frame->symbol;
	const char *group = group_of(row, symbol);
	const char *name = group ? group : symbol->function;
	const char *file = group ? NULL : symbol->file;
	uint32_t line = group ? 0 : symbol->line;
	struct culprit *culprit;
	size_t i;

	for (i = 0; i < *count; i++) {
		culprit = &culprits[i];
		if (strcmp(culprit->function, name) != 0 ||
		    strcmp(culprit->module, frame->module->path) != 0)
			continue;
		if (culprit->file &&
		    (!file || strcmp(culprit->file, file) != 0))
			culprit->file = NULL;
		if (culprit->line != line)
			culprit->line = 0;
		return culprit;
	}
	culprit = &culprits[(*count)++];
	memset(culprit, 0, sizeof(*culprit));
	culprit->function = name;
	culprit->module = frame->module->path;
	culprit->file = file;
	culprit->line = line;
	return culprit;
}

/* Rows that nobody judged have all their call stacks. */
static size_t
sites_of(const struct row *row)
{
	return row->guilty ? row->guilty : row->stacks;
}

static size_t
buffers_of(const struct row *row)
{
	return row->verdict.kind == VERDICT_GROWING_BUFFER ? sites_of(row) : 0;
}

static void
add_row(struct culprit *culprit, const struct row *row)
{
	if (!culprit->row)
		culprit->row = row;
	culprit->rows++;
	culprit->sites += sites_of(row);
	culprit->buffers += buffers_of(row);
	culprit->bytes += row->delta.bytes;
	culprit->objects += row->delta.objects;
	culprit->live_objects += row->live_new.objects;
	culprit->bytes_per_hour += row->verdict.bytes_per_hour;
	culprit->objects_per_hour += row->verdict.objects_per_hour;
	culprit->weight += verdict_weight(&row->verdict);
}

/* Rows that count, before they are cut to the worst. */
struct suspects {
	const struct row **rows;
	size_t count;
	size_t capacity;
};

static void
add_suspect(struct suspects *suspects, const struct row *row)
{
	suspects->rows = xgrow(suspects->rows, &suspects->capacity,
			       suspects->count + 1, sizeof(*suspects->rows));
	suspects->rows[suspects->count++] = row;
}

static int
compare_growth(const void *a, const void *b)
{
	const struct row *left = *(const struct row *const *)a;
	const struct row *right = *(const struct row *const *)b;

	if (left->delta.bytes != right->delta.bytes)
		return left->delta.bytes > right->delta.bytes ? -1 : 1;
	if (left->delta.objects != right->delta.objects)
		return left->delta.objects > right->delta.objects ? -1 : 1;
	/* In one array: what stood first stays first. */
	return left < right ? -1 : left > right;
}

static int
compare_verdicts(const void *a, const void *b)
{
	const struct row *left = *(const struct row *const *)a;
	const struct row *right = *(const struct row *const *)b;
	int order = verdict_compare(&left->verdict, &right->verdict);

	return order ? order : compare_growth(a, b);
}

static bool
is_more_growth(const struct culprit *a, const struct culprit *b)
{
	return a->bytes != b->bytes ? a->bytes > b->bytes
				    : a->objects > b->objects;
}

static bool
is_worse_verdict(const struct culprit *a, const struct culprit *b)
{
	const struct verdict *v = &a->row->verdict, *w = &b->row->verdict;

	/* As verdict_compare, but for all sites of a function together. */
	if (verdict_is_leak(v) != verdict_is_leak(w))
		return verdict_is_leak(v);
	if (!verdict_is_leak(v) && v->kind != w->kind)
		return v->kind > w->kind;
	if (a->weight != b->weight)
		return a->weight > b->weight;
	return a->bytes_per_hour > b->bytes_per_hour;
}

/* Frees the suspects. False: there are none. */
static bool
worst_of(const struct report *report, struct suspects *suspects,
	 int (*compare)(const void *, const void *),
	 bool (*is_worse)(const struct culprit *, const struct culprit *),
	 struct culprit *out)
{
	struct culprit *culprits = xcalloc(CULPRIT_SITES, sizeof(*culprits));
	struct stack stack = { 0 };
	size_t worst = 0;
	size_t count = 0;
	size_t i;

	if (suspects->count)
		qsort(suspects->rows, suspects->count, sizeof(*suspects->rows),
		      compare);
	for (i = 0; i < suspects->count && i < CULPRIT_SITES; i++) {
		const struct row *row = suspects->rows[i];

		stack_resolve(&stack, report->resolver, row);
		add_row(find_culprit(culprits, &count, row,
				     &stack.frames[stack.blamed]),
			row);
	}
	for (i = 1; i < count; i++) {
		if (is_worse(&culprits[i], &culprits[worst]))
			worst = i;
	}
	if (count)
		*out = culprits[worst];
	stack_release(&stack);
	free(culprits);
	free(suspects->rows);
	return count > 0;
}

bool
culprit_of_growth(const struct report *report, enum row_kind kind,
		  struct culprit *culprit)
{
	struct select_cursor cursor = { 0 };
	struct suspects suspects = { 0 };
	const struct row *row;

	while ((row = select_next(report->diff, kind, &cursor, 0))) {
		if (row_grew(row))
			add_suspect(&suspects, row);
	}
	return worst_of(report, &suspects, compare_growth, is_more_growth,
			culprit);
}

bool
culprit_of_verdict(const struct report *report, enum row_kind kind,
		   enum verdict_kind least, enum verdict_kind most,
		   struct culprit *culprit, struct culprit_all *all)
{
	struct select_cursor cursor = { 0 };
	struct suspects suspects = { 0 };
	const struct row *row;

	*all = (struct culprit_all){ 0 };
	while ((row = select_next(report->diff, kind, &cursor, 0))) {
		if (row->verdict.kind < least || row->verdict.kind > most)
			continue;
		if (row->verdict.kind == VERDICT_INSUFFICIENT && !row_grew(row))
			continue;
		add_suspect(&suspects, row);
		all->sites += sites_of(row);
		all->buffers += buffers_of(row);
		all->bytes_per_hour += row->verdict.bytes_per_hour;
		all->objects_per_hour += row->verdict.objects_per_hour;
	}
	return worst_of(report, &suspects, compare_verdicts, is_worse_verdict,
			culprit);
}

static void
add_place(struct strbuf *out, const char *function, const char *file,
	  uint32_t line)
{
	shorten_function(out, function, CULPRIT_COLUMNS);
	if (!file)
		return;
	strbuf_adds(out, " (");
	strbuf_add_printable(out, path_base(file));
	if (line)
		strbuf_addf(out, ":%" PRIu32, line);
	strbuf_addc(out, ')');
}

void
culprit_add_place(struct strbuf *out, const struct culprit *culprit)
{
	add_place(out, culprit->function, culprit->file, culprit->line);
}

void
culprit_add_frame(struct strbuf *out, const struct stack_frame *frame)
{
	add_place(out, frame->symbol->function, frame->symbol->file,
		  frame->symbol->line);
}
