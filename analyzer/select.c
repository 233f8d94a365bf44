#include "select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "hashtab.h"
#include "index.h"
#include "patterns.h"
#include "stack.h"
#include "xalloc.h"

struct select {
	struct patterns focus;
	struct patterns ignore;
	int64_t min_bytes;
	enum row_order order;
};

struct select *
select_new(void)
{
	struct select *select = xcalloc(1, sizeof(*select));

	select->order = ORDER_DEFAULT;
	return select;
}

void
select_free(struct select *select)
{
	if (!select)
		return;
	patterns_release(&select->focus);
	patterns_release(&select->ignore);
	free(select);
}

int
select_focus(struct select *select, const char *regex, struct err *err)
{
	return patterns_add(&select->focus, regex, err);
}

int
select_ignore(struct select *select, const char *regex, struct err *err)
{
	return patterns_add(&select->ignore, regex, err);
}

void
select_min_bytes(struct select *select, int64_t bytes)
{
	select->min_bytes = bytes;
}

void
select_order(struct select *select, enum row_order order)
{
	select->order = order;
}

bool
select_order_of(const char *name, enum row_order *order)
{
	static const char *const names[] = {
		[ORDER_GROWTH] = "growth",   [ORDER_LIVE] = "live",
		[ORDER_OBJECTS] = "objects", [ORDER_ALLOCS] = "allocs",
		[ORDER_RATE] = "rate",       [ORDER_VERDICT] = "verdict",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*order = (enum row_order)i;
			return true;
		}
	}
	return false;
}

/* --- which match ------------------------------------------------------------ */

enum match {
	MATCH_FOCUS = 1,
	MATCH_IGNORE = 2,
};

/* What the patterns find in a frame. Stacks share frames, and a search costs
 * far more than a look-up. */
struct known_frame {
	const struct symbol *symbol;
	const struct module *module;
	unsigned int matches; /* enum match */
};

struct matching {
	const struct select *select;
	struct resolver *resolver;
	struct stack stack; /* scratch */
	struct known_frame *frames;
	size_t count;
	size_t capacity;
	struct index index;
};

static bool
is_found(const struct patterns *patterns, const struct stack_frame *frame)
{
	return patterns_match(patterns, frame->symbol->function) ||
	       (frame->symbol->file &&
		patterns_match(patterns, frame->symbol->file)) ||
	       patterns_match(patterns, frame->module->path);
}

static unsigned int
match_frame(struct matching *matching, const struct stack_frame *frame)
{
	const struct select *select = matching->select;
	uint64_t hash = hash_u64(hash_u64(HASH_START, (uintptr_t)frame->symbol),
				 (uintptr_t)frame->module);
	struct known_frame *known;
	size_t slot = SIZE_MAX;
	uint32_t number;

	while ((number = index_next(&matching->index, hash, &slot))) {
		known = &matching->frames[number - 1];
		if (known->symbol == frame->symbol &&
		    known->module == frame->module)
			return known->matches;
	}
	matching->frames = xgrow(matching->frames, &matching->capacity,
				 matching->count + 1,
				 sizeof(*matching->frames));
	known = &matching->frames[matching->count++];
	*known = (struct known_frame){ frame->symbol, frame->module, 0 };
	if (is_found(&select->focus, frame))
		known->matches |= MATCH_FOCUS;
	if (is_found(&select->ignore, frame))
		known->matches |= MATCH_IGNORE;
	index_add(&matching->index, hash, (uint32_t)matching->count);
	return known->matches;
}

/* Do --focus and --ignore let the stack through? */
static bool
passes(struct matching *matching, enum row_kind kind, struct node_id node,
       uint32_t flags)
{
	unsigned int matches = 0;
	size_t i;

	stack_resolve_node(&matching->stack, matching->resolver, kind, node,
			   flags);
	for (i = 0; i < matching->stack.count; i++)
		matches |= match_frame(matching, &matching->stack.frames[i]);
	if (matching->select->focus.count && !(matches & MATCH_FOCUS))
		return false;
	return !(matches & MATCH_IGNORE);
}

static void
end_matching(struct matching *matching)
{
	stack_release(&matching->stack);
	index_release(&matching->index);
	free(matching->frames);
}

static bool
has_patterns(const struct select *select)
{
	return select->focus.count || select->ignore.count;
}

void
select_divide(const struct select *select, const struct atlas *atlas,
	      struct resolver *resolver, enum row_kind kind,
	      struct classes *classes)
{
	struct matching matching = { .select = select, .resolver = resolver };
	uint32_t stacks = atlas_count(atlas);
	uint32_t before = classes->count;
	uint32_t *others; /* by class: the one of those that don't pass */
	uint32_t i;

	/* Classes of one stack each can't be mixed. */
	if (!has_patterns(select) || before == stacks)
		return;
	others = xcalloc((size_t)before + 1, sizeof(*others));
	if (classes->labels)
		classes->labels = xrealloc(classes->labels,
					   xmul((size_t)before * 2 + 1,
						sizeof(*classes->labels)));
	for (i = 1; i <= stacks; i++) {
		struct atlas_stack stack = atlas_stack(atlas, i);
		uint32_t cls = classes->of[i];

		if (passes(&matching, kind, stack.node,
			   stack.overflow ? SITE_OVERFLOW : 0))
			continue;
		if (!others[cls]) {
			others[cls] = ++classes->count;
			if (classes->labels)
				classes->labels[others[cls]] =
					classes->labels[cls];
		}
		classes->of[i] = others[cls];
	}
	free(others);
	end_matching(&matching);
}

static int64_t
size_of(int64_t bytes)
{
	return bytes < 0 ? -bytes : bytes;
}

/* Reserved stacks are no heap bytes: --min-bytes doesn't hide threads. */
static void
set_fates(const struct select *select, struct diff *diff, enum row_kind kind,
	  struct matching *matching)
{
	size_t i;

	for (i = 0; i < diff->count[kind]; i++) {
		struct row *row = &diff->rows[diff->first[kind] + i];

		if (row->fate != FATE_LISTED)
			continue;
		if (has_patterns(select) &&
		    !passes(matching, kind, row->node, row->flags))
			row->fate = FATE_FILTERED;
		else if (kind == ROW_HEAP &&
			 size_of(row->delta.bytes) < select->min_bytes)
			row->fate = FATE_SMALL;
	}
}

/* --- order ------------------------------------------------------------------ */

/* Rows are large: keys are sorted, then the rows put in their order. */
struct key {
	double first;
	double second;
	const struct verdict *verdict; /* ORDER_VERDICT only */
	size_t index; /* in the order of growth, which decides where equal */
};

static double
finite_or_0(double value)
{
	return isfinite(value) ? value : 0;
}

static void
set_key(struct key *key, const struct row *row, enum row_order order)
{
	key->first = 0;
	key->second = 0;
	key->verdict = NULL;
	switch (order) {
	case ORDER_LIVE:
		key->first = (double)row->live_new.bytes;
		break;
	case ORDER_OBJECTS:
		key->first = (double)row->delta.objects;
		break;
	case ORDER_ALLOCS:
		key->first = (double)row->alloc.objects;
		break;
	case ORDER_RATE:
		key->first = finite_or_0(row->verdict.bytes_per_hour);
		break;
	case ORDER_VERDICT:
		key->verdict = &row->verdict;
		break;
	case ORDER_SUSPICION:
		key->first = finite_or_0(row->suspicion) *
			     (double)row->live_new.bytes;
		key->second = (double)row->live_new.bytes;
		break;
	case ORDER_GROWTH:
	case ORDER_DEFAULT:
		break;
	}
}

static int
compare_keys(const void *a, const void *b)
{
	const struct key *left = a, *right = b;
	int order = left->verdict
			    ? verdict_compare(left->verdict, right->verdict)
			    : 0;

	if (order)
		return order;
	if (left->first != right->first)
		return left->first > right->first ? -1 : 1;
	if (left->second != right->second)
		return left->second > right->second ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

static void
sort_rows(struct row *rows, size_t count, enum row_order order)
{
	struct row *sorted;
	struct key *keys;
	size_t i;

	/* They came so. */
	if (order == ORDER_GROWTH || count < 2)
		return;
	sorted = xcalloc(count, sizeof(*sorted));
	keys = xcalloc(count, sizeof(*keys));
	for (i = 0; i < count; i++) {
		set_key(&keys[i], &rows[i], order);
		keys[i].index = i;
	}
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (i = 0; i < count; i++)
		sorted[i] = rows[keys[i].index];
	memcpy(rows, sorted, count * sizeof(*rows));
	free(sorted);
	free(keys);
}

static bool
is_any_suspect(const struct diff *diff)
{
	size_t i;

	for (i = 0; i < diff->count[ROW_HEAP]; i++) {
		if (diff->rows[diff->first[ROW_HEAP] + i].suspicion > 0)
			return true;
	}
	return false;
}

static enum row_order
order_of(const struct select *select, const struct diff *diff,
	 enum row_kind kind)
{
	enum row_order order = select->order;

	if (order == ORDER_DEFAULT) {
		if (diff->judged)
			return ORDER_VERDICT;
		if (diff->old_model)
			return ORDER_GROWTH;
		/* Threads have no ages. */
		return kind == ROW_HEAP && is_any_suspect(diff)
			       ? ORDER_SUSPICION
			       : ORDER_LIVE;
	}
	if ((order == ORDER_RATE || order == ORDER_VERDICT) && !diff->judged)
		return ORDER_GROWTH;
	return order;
}

void
select_apply(const struct select *select, struct diff *diff,
	     struct resolver *resolver)
{
	struct matching matching = { .select = select, .resolver = resolver };
	enum row_kind kind;

	for (kind = ROW_HEAP; kind < ROW_LEDGER; kind++) {
		set_fates(select, diff, kind, &matching);
		diff->order[kind] = order_of(select, diff, kind);
		sort_rows(diff->rows + diff->first[kind], diff->count[kind],
			  diff->order[kind]);
	}
	end_matching(&matching);
}

/* --- for writers ------------------------------------------------------------ */

const struct row *
select_next(const struct diff *diff, enum row_kind kind,
	    struct select_cursor *cursor, size_t top)
{
	if (top && cursor->listed >= top)
		return NULL;
	while (cursor->next < diff->count[kind]) {
		const struct row *row =
			&diff->rows[diff->first[kind] + cursor->next++];

		if (row->fate == FATE_LISTED) {
			cursor->listed++;
			return row;
		}
	}
	return NULL;
}

static void
count_row(struct select_tally *tally, const struct row *row)
{
	tally->sites++;
	tally->delta_bytes += row->delta.bytes;
	tally->live_bytes += row->live_new.bytes;
	tally->delta_objects += row->delta.objects;
	tally->live_objects += row->live_new.objects;
}

void
select_hidden(const struct diff *diff, enum row_kind kind, size_t top,
	      struct select_hidden *hidden)
{
	size_t listed = 0;
	size_t i;

	*hidden = (struct select_hidden){ 0 };
	for (i = 0; i < diff->count[kind]; i++) {
		const struct row *row = &diff->rows[diff->first[kind] + i];

		if (row->fate == FATE_LISTED && top && listed >= top) {
			count_row(&hidden->beyond_top, row);
			continue;
		}
		listed += row->fate == FATE_LISTED;
		count_row(&hidden->by_fate[row->fate], row);
	}
}
