#include "csv_fields.h"

#include <inttypes.h>
#include <string.h>

#include "utf8.h"

/* Fields with one of these are quoted. */
#define SPECIAL ",\"\r\n"

static void
add_quoted(struct strbuf *line, const char *text)
{
	const char *quote;

	strbuf_addc(line, '"');
	for (; (quote = strchr(text, '"')); text = quote + 1) {
		strbuf_add(line, text, (size_t)(quote - text));
		strbuf_adds(line, "\"\"");
	}
	strbuf_adds(line, text);
	strbuf_addc(line, '"');
}

void
csv_add_field(struct strbuf *line, const char *text)
{
	size_t start = line->len;

	if (text[strcspn(text, SPECIAL)])
		add_quoted(line, text);
	else
		strbuf_adds(line, text);
	/* One name that is no text, and readers refuse the whole file. */
	if (line->data)
		utf8_repair(line->data + start);
}

/* By hand: printf would take most of the time of a large report. */
void
csv_add_integers(struct strbuf *line, const int64_t *values, size_t count)
{
	char text[sizeof(",-9223372036854775808")];
	size_t i;

	for (i = 0; i < count; i++) {
		/* Of the least one too. */
		uint64_t rest = values[i] < 0 ? 0 - (uint64_t)values[i]
					      : (uint64_t)values[i];
		char *p = text + sizeof(text);

		do {
			*--p = (char)('0' + rest % 10);
			rest /= 10;
		} while (rest);
		if (values[i] < 0)
			*--p = '-';
		*--p = ',';
		strbuf_add(line, p, (size_t)(text + sizeof(text) - p));
	}
}

/* Straight into the line, which is longer than all else: only the few that need
 * quotes are copied. */
static void
add_frames(struct strbuf *line, struct strbuf *scratch,
	   const struct stack *stack)
{
	size_t first = line->len;
	size_t start, i;
	char *p;

	for (i = 0; i < stack->count; i++) {
		if (i > 0)
			strbuf_addc(line, ';');
		start = line->len;
		strbuf_adds(line, stack->frames[i].symbol->function);
		/* Rust's names may hold one ("[u8; 4]"). */
		for (p = line->data + start; (p = strchr(p, ';')); p++)
			*p = ',';
	}
	if (stack->truncated)
		strbuf_adds(line, ";[truncated]");
	utf8_repair(line->data + first);
	if (!line->data[first + strcspn(line->data + first, SPECIAL)])
		return;
	strbuf_clear(scratch);
	strbuf_adds(scratch, line->data + first);
	line->len = first;
	add_quoted(line, strbuf_text(scratch));
}

void
csv_add_place(struct strbuf *line, struct strbuf *scratch,
	      const struct stack *stack)
{
	const struct stack_frame *blamed = &stack->frames[stack->blamed];

	strbuf_addc(line, ',');
	if (blamed->symbol->file)
		csv_add_field(line, blamed->symbol->file);
	strbuf_addc(line, ',');
	if (blamed->symbol->line)
		strbuf_addf(line, "%" PRIu32, blamed->symbol->line);
	strbuf_addc(line, ',');
	csv_add_field(line, blamed->module->path);
	strbuf_addc(line, ',');
	add_frames(line, scratch, stack);
}

const char *
csv_kind_name(enum row_kind kind)
{
	static const char *const names[ROW_KIND_COUNT] = {
		[ROW_HEAP] = "heap",
		[ROW_THREAD] = "thread",
		[ROW_LEDGER] = "ledger",
	};

	return names[kind];
}

const char *
csv_ledger_name(enum ledger_line line)
{
	static const char *const names[LEDGER_LINE_COUNT] = {
#define X(name, words) [LEDGER_##name] = #name,
		LEDGER_LINES(X)
#undef X
	};

	return names[line];
}
