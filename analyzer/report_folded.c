/*
 * Folded stacks, one per line and outermost frame first, as flamegraph.pl,
 * inferno and speedscope read them: `main;parse;copy 1024`. Bytes that are
 * live, or with --threads the number of threads.
 *
 * Of two or more snapshots it is the form that difffolded.pl writes: `stack
 * OLD NEW`. With --growth-only it is one number again, what came to be more:
 * for who can't read two.
 *
 * A stack ends at its blamed frame (blame.h), as in a profile, so that the
 * widest leaf is the function that the other reports name.
 */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flat_rows.h"
#include "hashtab.h"
#include "stack.h"
#include "strbuf.h"
#include "xalloc.h"

/* A line: rows that differ in source lines alone are one. */
struct fold {
	int64_t before;
	int64_t after;
	char stack[];
};

struct folds {
	struct hashtab table;
	struct fold **list;
	size_t count;
	size_t capacity;
};

static bool
fold_equal(const void *entry, const void *key)
{
	return strcmp(((const struct fold *)entry)->stack, key) == 0;
}

static struct fold *
find_fold(struct folds *folds, const struct strbuf *stack)
{
	const char *text = strbuf_text(stack);
	void **place = hashtab_place(&folds->table,
				     hash_bytes(HASH_START, text, stack->len),
				     text, fold_equal);
	struct fold *fold = *place;

	if (!fold) {
		fold = xmalloc(xadd(sizeof(*fold), stack->len + 1));
		fold->before = 0;
		fold->after = 0;
		memcpy(fold->stack, text, stack->len + 1);
		*place = fold;
		folds->list = xgrow(folds->list, &folds->capacity,
				    folds->count + 1, sizeof(*folds->list));
		folds->list[folds->count++] = fold;
	}
	return fold;
}

/* Numbers end a line, so that a name must not end in one of its own ("case
 * 12"): the blank before it is no blank any more. */
static void
join_last_number(char *name)
{
	char *last = strrchr(name, ' ');

	if (last && last[1] && !last[1 + strspn(last + 1, "0123456789.")])
		*last = '_';
}

static void
add_name(struct strbuf *text, const char *function)
{
	size_t start = text->len;
	char *p;

	strbuf_add_printable(text, *function ? function : "?");
	/* Rust's names may hold one ("[u8; 4]"). */
	for (p = text->data + start; (p = strchr(p, ';')); p++)
		*p = ',';
	join_last_number(text->data + start);
}

static void
fold_stack(struct strbuf *text, const struct stack *stack)
{
	size_t i;

	strbuf_clear(text);
	if (stack->truncated)
		strbuf_adds(text, "[truncated];");
	for (i = stack->count; i-- > stack->blamed;) {
		add_name(text, stack->frames[i].symbol->function);
		if (i > stack->blamed)
			strbuf_addc(text, ';');
	}
}

static void
collect(struct folds *folds, const struct report *report)
{
	struct flat_cursor cursor = { 0 };
	struct strbuf text = { 0 };
	struct stack stack = { 0 };
	const struct row *row;
	const char *merged;

	while ((row = flat_rows_next(report, &cursor, &merged))) {
		int64_t before = report->threads ? row->live_old.objects
						 : row->live_old.bytes;
		int64_t after = report->threads ? row->live_new.objects
						: row->live_new.bytes;
		struct fold *fold;

		if (before == 0 && after == 0)
			continue;
		if (merged) {
			strbuf_clear(&text);
			strbuf_adds(&text, merged);
		} else {
			stack_resolve(&stack, report->resolver, row);
			fold_stack(&text, &stack);
		}
		fold = find_fold(folds, &text);
		if (!report->growth_only) {
			fold->before += before;
			fold->after += after;
		} else if (after > before) {
			/* Row by row, as in a profile: what shrank elsewhere
			 * makes no growth less. */
			fold->after += after - before;
		}
	}
	stack_release(&stack);
	strbuf_release(&text);
}

static int
sort_folds(const void *a, const void *b)
{
	const struct fold *left = *(struct fold *const *)a;
	const struct fold *right = *(struct fold *const *)b;

	return strcmp(left->stack, right->stack);
}

int
report_folded(const struct report *report, FILE *out, struct err *err)
{
	bool two = report->diff->old_model && !report->growth_only;
	struct folds folds = { 0 };
	size_t i;

	(void)err; /* a failed write is the caller's to notice */
	collect(&folds, report);
	if (folds.count)
		qsort(folds.list, folds.count, sizeof(*folds.list), sort_folds);
	for (i = 0; i < folds.count; i++) {
		const struct fold *fold = folds.list[i];

		if (two)
			fprintf(out, "%s %" PRId64 " %" PRId64 "\n",
				fold->stack, fold->before, fold->after);
		else if (fold->after > 0)
			fprintf(out, "%s %" PRId64 "\n", fold->stack,
				fold->after);
	}
	for (i = 0; i < folds.count; i++)
		free(folds.list[i]);
	free(folds.list);
	hashtab_release(&folds.table);
	return 0;
}
