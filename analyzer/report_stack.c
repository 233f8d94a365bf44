#include "report_stack.h"

#include <inttypes.h>
#include <string.h>

#include "path.h"
#include "shorten.h"

/* As many wrappers inward of the blamed frame are worth their lines. */
#define WRAPPERS_SHOWN 3

/* What stands before a frame's function, and what it has at least: the file
 * it is in goes before it is shortened to less. */
#define FRAME_INDENT 8
#define FUNCTION_MIN 20

/* `/src/object.c:45`, or without the directories. */
static void
add_source(struct strbuf *out, const struct symbol *symbol, bool is_short)
{
	if (!symbol->file)
		return;
	strbuf_addc(out, ' ');
	strbuf_add_printable(out,
			     is_short ? path_base(symbol->file) : symbol->file);
	if (symbol->line)
		strbuf_addf(out, ":%" PRIu32, symbol->line);
}

static void
add_module(struct strbuf *out, const struct stack_frame *frame)
{
	if (*frame->module->path) {
		strbuf_adds(out, " (");
		strbuf_add_printable(out, path_base(frame->module->path));
		strbuf_addc(out, ')');
	}
	if (frame->inlined)
		strbuf_adds(out, " [inlined]");
}

/* The function comes last to be cut: first the source's directories go. */
static void
add_frame(struct page *page, const struct stack_frame *frame, bool blamed)
{
	const struct symbol *symbol = frame->symbol;
	struct strbuf name = { 0 }, place = { 0 };
	size_t columns;

	shorten_standard(&name, symbol->function);
	add_source(&place, symbol, false);
	add_module(&place, frame);
	columns = FRAME_INDENT + page_columns(strbuf_text(&name)) +
		  page_columns(strbuf_text(&place));
	if (page->width && columns > page->width) {
		size_t room;

		strbuf_clear(&name);
		strbuf_clear(&place);
		add_source(&place, symbol, true);
		add_module(&place, frame);
		room = FRAME_INDENT + page_columns(strbuf_text(&place));
		if (page->width < room + FUNCTION_MIN) {
			strbuf_clear(&place);
			add_source(&place, symbol, true);
			room = FRAME_INDENT + page_columns(strbuf_text(&place));
		}
		shorten_function(&name, symbol->function,
				 page->width > room ? page->width - room : 0);
	}
	/* The mark points at the frame the site is named by. */
	strbuf_adds(&page->text, blamed ? "      > " : "        ");
	page_begin(page, blamed ? PAGE_STRONG : PAGE_DIM);
	strbuf_adds(&page->text, strbuf_text(&name));
	strbuf_adds(&page->text, strbuf_text(&place));
	page_end(page);
	strbuf_addc(&page->text, '\n');
	strbuf_release(&name);
	strbuf_release(&place);
}

/* What the C library runs before main, and before a thread's function: it is
 * in every stack and never the reason. */
static bool
is_start(const struct stack_frame *frame)
{
	static const char libc_start[] = "__libc_start_";
	static const char *const names[] = {
		"_start",   "__clone", "clone",
		"__clone3", "clone3",  "start_thread",
	};
	const char *function = frame->symbol->function;
	size_t i;

	/* __libc_start_main, its versions, __libc_start_call_main. */
	if (strncmp(function, libc_start, sizeof(libc_start) - 1) == 0)
		return true;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(function, names[i]) == 0)
			return true;
	return false;
}

/* How many frames are left without those of the start, which may lack names
 * where main is known. Never less than the blamed one. */
static size_t
count_own(const struct stack *stack)
{
	size_t own = stack->count;

	while (own > stack->blamed + 1 && (!stack->frames[own - 1].named ||
					   is_start(&stack->frames[own - 1])))
		own--;
	if (strcmp(stack->frames[own - 1].symbol->function, "main") == 0)
		return own;
	own = stack->count;
	while (own > stack->blamed + 1 && is_start(&stack->frames[own - 1]))
		own--;
	return own;
}

void
report_stack(struct page *page, const struct stack *stack, bool all_frames)
{
	size_t end = all_frames ? stack->count : count_own(stack);
	size_t i = 0;

	if (stack->blamed > WRAPPERS_SHOWN && !all_frames) {
		i = stack->blamed;
		strbuf_addf(&page->text,
			    "        ... %zu frames of wrappers (--all-frames "
			    "shows them)\n",
			    i);
	}
	for (; i < end; i++)
		add_frame(page, &stack->frames[i], i == stack->blamed);
	if (end < stack->count)
		strbuf_adds(&page->text, "        ...\n");
	if (stack->truncated)
		strbuf_adds(&page->text,
			    "        ... outer frames are missing\n");
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
report_nameless(struct page *page, const struct report_nameless *nameless)
{
	struct strbuf *out = &page->text;
	size_t begin = out->len;
	size_t i;

	if (!nameless->count)
		return;
	strbuf_adds(out, "no function names for ");
	for (i = 0; i < nameless->count; i++) {
		if (i)
			strbuf_adds(out, ", ");
		strbuf_add_printable(out, path_base(nameless->paths[i]));
	}
	strbuf_adds(out, ": install debug symbols (Debian: packages in "
			 "-dbgsym), or point --debug-dir at them\n");
	page_wrap(page, begin, 2);
}
