/*
 * The text that Go's endpoints print with debug=1, and that pprof still reads:
 *
 *   heap profile: 3: 1048 [10: 2000] @ heap/2
 *   1: 524 [4: 1000] @ 0x55deb955a1f2 0x55deb955a09f
 *   #	main	app.c:10
 *
 *   threadcreate profile: total 7
 *   5 @ 0x437832 0x462341
 *
 * Objects and bytes in use, [allocated ones], return addresses from the blamed
 * frame outward (stack.h), and a line for each function there, inlined ones
 * too. The number behind heap/ is twice the rate that a reader has to undo: our
 * numbers are estimates of the whole already, so it is 1. What needs no stack
 * (rows beyond --top) has none.
 *
 * Of two or more snapshots the last is shown.
 */
#include <inttypes.h>

#include "flat_rows.h"
#include "report.h"
#include "stack.h"
#include "strbuf.h"

static void
print_numbers(const struct row *row, FILE *out)
{
	if (row->kind == ROW_THREAD)
		fprintf(out, "%" PRId64, row->live_new.objects);
	else
		fprintf(out,
			"%" PRId64 ": %" PRId64 " [%" PRId64 ": %" PRId64 "]",
			row->live_new.objects, row->live_new.bytes,
			row->alloc_ever.objects, row->alloc_ever.bytes);
}

static void
print_head(const struct report *report, FILE *out)
{
	const struct diff *diff = report->diff;

	if (report->threads) {
		fprintf(out, "%s profile: total %" PRId64 "\n",
			report->counted ? report->counted : "threadcreate",
			diff->totals[ROW_THREAD].live_new.objects);
		return;
	}
	fputs("heap profile: ", out);
	print_numbers(&diff->totals[ROW_HEAP], out);
	fputs(" @ heap/2\n", out);
}

/* The code addresses of a row's stack from the blamed frame
 * on, innermost first. */
static void
print_addresses(const struct model *model, const struct row *row,
		const struct stack *stack, FILE *out)
{
	size_t left = stack_from_blamed(stack).addresses;
	struct node_id node = row->node;
	size_t depth;

	if (row->flags & SITE_OVERFLOW || !node.id)
		return;
	for (depth = model_node(model, node)->depth; depth > 0; depth--) {
		if (depth <= left)
			fprintf(out, " 0x%" PRIx64,
				model_pc(model, model_node(model, node)->pc)
					->address);
		node = model_node(model, node)->parent;
	}
}

static void
print_names(const struct stack *stack, struct strbuf *text, FILE *out)
{
	const struct symbol *symbol;
	size_t i;

	for (i = stack->blamed; i < stack->count; i++) {
		symbol = stack->frames[i].symbol;
		strbuf_clear(text);
		strbuf_adds(text, "#\t");
		strbuf_add_printable(text, symbol->function);
		if (symbol->file) {
			strbuf_addc(text, '\t');
			strbuf_add_printable(text, symbol->file);
			strbuf_addf(text, ":%u", symbol->line);
		}
		fprintf(out, "%s\n", strbuf_text(text));
	}
}

int
report_legacy(const struct report *report, FILE *out, struct err *err)
{
	const struct model *model = resolver_model(report->resolver);
	struct flat_cursor cursor = { 0 };
	struct stack stack = { 0 };
	struct strbuf text = { 0 };
	const struct row *row;
	const char *merged;

	(void)err;
	print_head(report, out);
	while ((row = flat_rows_next(report, &cursor, &merged))) {
		/* What was there once has no row in Go's either. */
		if (!row->live_new.objects && !row->alloc_ever.objects)
			continue;
		print_numbers(row, out);
		fputs(" @", out);
		if (merged) {
			fprintf(out, "\n#\t%s\n", merged);
			continue;
		}
		stack_resolve(&stack, report->resolver, row);
		print_addresses(model, row, &stack, out);
		fputc('\n', out);
		print_names(&stack, &text, out);
	}
	stack_release(&stack);
	strbuf_release(&text);
	return 0;
}
