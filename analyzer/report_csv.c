/*
 * RFC 4180 with LF line ends: a field that holds a comma, a quote or a line
 * end is quoted. The header is a promise to scripts: columns are only ever
 * added at its end.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "stack.h"
#include "strbuf.h"

static const char *const kind_names[ROW_KIND_COUNT] = {
	[ROW_HEAP] = "heap",
	[ROW_THREAD] = "thread",
	[ROW_LEDGER] = "ledger",
};

static const char *const line_names[LEDGER_LINE_COUNT] = {
#define X(name, words) [LEDGER_##name] = #name,
	LEDGER_LINES(X)
#undef X
};

static void
add_field(struct strbuf *line, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		strbuf_adds(line, text);
		return;
	}
	strbuf_addc(line, '"');
	for (; *text; text++) {
		if (*text == '"')
			strbuf_addc(line, '"');
		strbuf_addc(line, *text);
	}
	strbuf_addc(line, '"');
}

static void
add_amounts(struct strbuf *line, const struct row *row)
{
	const int64_t columns[] = {
		row->delta.bytes,      row->delta.objects,
		row->live_old.bytes,   row->live_new.bytes,
		row->live_old.objects, row->live_new.objects,
		row->alloc.bytes,      row->alloc.objects,
		row->release.bytes,    row->release.objects,
	};
	size_t i;

	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		strbuf_addf(line, ",%" PRId64, columns[i]);
}

/* Frames innermost first, joined by ';'. Rust names may hold one ("[u8; 4]"):
 * it becomes ','. */
static void
add_stack(struct strbuf *line, struct strbuf *scratch,
	  const struct stack *stack)
{
	size_t i;
	char *p;

	strbuf_clear(scratch);
	for (i = 0; i < stack->count; i++) {
		size_t start;

		if (i > 0)
			strbuf_addc(scratch, ';');
		start = scratch->len;
		strbuf_adds(scratch, stack->frames[i].symbol->function);
		for (p = scratch->data + start; (p = strchr(p, ';')); p++)
			*p = ',';
	}
	if (stack->truncated)
		strbuf_adds(scratch, ";[truncated]");
	add_field(line, strbuf_text(scratch));
}

static void
write_site(struct strbuf *line, struct strbuf *scratch,
	   const struct stack *stack, const struct row *row)
{
	const struct stack_frame *blamed = &stack->frames[stack->blamed];

	add_field(line, blamed->symbol->function);
	add_amounts(line, row);
	strbuf_addc(line, ',');
	if (blamed->symbol->file)
		add_field(line, blamed->symbol->file);
	strbuf_addc(line, ',');
	if (blamed->symbol->line)
		strbuf_addf(line, "%" PRIu32, blamed->symbol->line);
	strbuf_addc(line, ',');
	add_field(line, blamed->module->path);
	strbuf_addc(line, ',');
	add_stack(line, scratch, stack);
}

int
report_csv(const struct report *report, FILE *out, struct err *err)
{
	const struct diff *diff = report->diff;
	struct strbuf scratch = { 0 };
	struct strbuf line = { 0 };
	struct stack stack = { 0 };
	unsigned int kind;
	size_t i;

	(void)err; /* a failed write is the caller's to notice */
	fputs("kind,function,delta_bytes,delta_objects,"
	      "live_bytes_old,live_bytes_new,"
	      "live_objects_old,live_objects_new,"
	      "alloc_bytes,alloc_objects,free_bytes,free_objects,"
	      "file,line,module,stack\n",
	      out);
	for (kind = 0; kind < ROW_KIND_COUNT; kind++) {
		size_t count = diff->count[kind];

		if (kind != ROW_LEDGER && report->top && count > report->top)
			count = report->top;
		for (i = 0; i < count; i++) {
			const struct row *row =
				&diff->rows[diff->first[kind] + i];

			strbuf_clear(&line);
			strbuf_addf(&line, "%s,", kind_names[kind]);
			if (kind == ROW_LEDGER) {
				strbuf_adds(&line, line_names[row->line]);
				add_amounts(&line, row);
				strbuf_adds(&line, ",,,,");
			} else {
				stack_resolve(&stack, report, row);
				write_site(&line, &scratch, &stack, row);
			}
			strbuf_addc(&line, '\n');
			fwrite(line.data, 1, line.len, out);
		}
	}
	stack_release(&stack);
	strbuf_release(&line);
	strbuf_release(&scratch);
	return 0;
}
