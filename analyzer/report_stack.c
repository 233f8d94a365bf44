#include "report_stack.h"

#include <inttypes.h>
#include <string.h>

/* As many wrappers inward of the blamed frame are worth their lines. */
#define WRAPPERS_SHOWN 3

static void
add_frame(struct strbuf *out, const struct stack_frame *frame, bool blamed)
{
	const struct symbol *symbol = frame->symbol;

	/* The mark points at the frame the site is named by. */
	strbuf_adds(out, blamed ? "      > " : "        ");
	strbuf_add_printable(out, symbol->function);
	if (symbol->file) {
		strbuf_addc(out, ' ');
		strbuf_add_printable(out, symbol->file);
		if (symbol->line)
			strbuf_addf(out, ":%" PRIu32, symbol->line);
	}
	if (*frame->module->path) {
		strbuf_adds(out, " (");
		strbuf_add_printable(out, stack_base_name(frame->module->path));
		strbuf_addc(out, ')');
	}
	if (frame->inlined)
		strbuf_adds(out, " [inlined]");
	strbuf_addc(out, '\n');
}

void
report_stack(struct strbuf *out, const struct stack *stack, bool all_frames)
{
	size_t i = 0;

	if (stack->blamed > WRAPPERS_SHOWN && !all_frames) {
		i = stack->blamed;
		strbuf_addf(out,
			    "        ... %zu frames of wrappers (--all-frames "
			    "shows them)\n",
			    i);
	}
	for (; i < stack->count; i++)
		add_frame(out, &stack->frames[i], i == stack->blamed);
	if (stack->truncated)
		strbuf_adds(out, "        ... outer frames are missing\n");
}

void
report_nameless_add(struct report_nameless *nameless, const struct stack *stack)
{
	const struct stack_frame *frame = &stack->frames[stack->blamed];
	const char *path = frame->module->path;
	size_t i;

	/* Generated code and the kernel's own have no debug symbols. */
	if (frame->named || *path != '/')
		return;
	for (i = 0; i < nameless->count; i++)
		if (strcmp(nameless->paths[i], path) == 0)
			return;
	if (nameless->count < REPORT_NAMELESS_MAX)
		nameless->paths[nameless->count++] = path;
}

void
report_nameless(struct strbuf *out, const struct report_nameless *nameless)
{
	size_t i;

	if (!nameless->count)
		return;
	strbuf_adds(out, "no function names for ");
	for (i = 0; i < nameless->count; i++) {
		if (i)
			strbuf_adds(out, ", ");
		strbuf_add_printable(out, stack_base_name(nameless->paths[i]));
	}
	strbuf_adds(out, ": install debug symbols (Debian: packages in "
			 "-dbgsym), or point --debug-dir at them\n");
}
