#include "advice.h"

#include "culprit.h"
#include "format.h"
#include "path.h"

/* The function to read. */
static void
add_blamed(struct strbuf *out, const struct stack *stack)
{
	culprit_add_frame(out, &stack->frames[stack->blamed]);
}

/* Of a function without a name nothing can be read. False: it has one, or
 * nobody could install it. */
static bool
advise_symbols(struct strbuf *out, const struct stack *stack)
{
	const struct stack_frame *frame = &stack->frames[stack->blamed];

	/* Generated code and the kernel's own have no file. */
	if (frame->named || stack->unasked || *frame->module->path != '/')
		return false;
	strbuf_adds(out, "install the debug symbols of ");
	strbuf_add_printable(out, path_base(frame->module->path));
	strbuf_adds(out, " (its functions have no names here), or name "
			 "wrappers by --skip");
	return true;
}

static void
advise_heap_leak(struct strbuf *out, const struct stack *stack)
{
	strbuf_adds(out, "read ");
	add_blamed(out, stack);
	strbuf_adds(out, ": who has to free what it allocates, and on which "
			 "way is that left out?");
}

static void
advise_thread_leak(struct strbuf *out, const struct row *row,
		   const struct stack *stack)
{
	strbuf_adds(out, "read ");
	add_blamed(out, stack);
	if (row->threads_new.unjoined > row->threads_old.unjoined)
		strbuf_adds(out, ": join the threads that it starts, or "
				 "detach them");
	else
		strbuf_adds(out, ": the threads that it starts don't end; "
				 "bound their number, or let them end");
}

static void
advise_buffer(struct strbuf *out, const struct row *row,
	      const struct stack *stack)
{
	strbuf_adds(out, row->live_new.objects == 1
				 ? "find what fills the buffer of "
				 : "find what fills the buffers of ");
	add_blamed(out, stack);
	strbuf_adds(out, row->live_new.objects == 1
				 ? ", and where it should be emptied"
				 : ", and where they should be emptied");
}

static void
advise_cache(struct strbuf *out, const struct row *row,
	     const struct stack *stack)
{
	strbuf_adds(out, "if ");
	add_blamed(out, stack);
	strbuf_adds(out, " fills a cache, check its bound: growth slows down "
			 "and should end not far above ");
	format_bytes(out, row->live_new.bytes, false);
}

static void
advise_insufficient(struct strbuf *out, const struct verdict *verdict)
{
	if (!verdict->more_snapshots) {
		strbuf_adds(out, "take more snapshots, over a longer time");
		return;
	}
	strbuf_addf(out, "take %u more snapshot%s", verdict->more_snapshots,
		    verdict->more_snapshots == 1 ? "" : "s");
	if (!(verdict->spacing_s > 0))
		return;
	strbuf_adds(out,
		    verdict->more_snapshots == 1 ? ", in " : ", one every ");
	format_seconds(out, verdict->spacing_s);
}

static const char *
ledger_words(enum ledger_line line)
{
	switch (line) {
	case LEDGER_rss:
		return "see which of the lines below grows";
	case LEDGER_live_heap:
		return "see the heap sites above";
	case LEDGER_allocator_retained:
		return "the allocator keeps freed memory: set "
		       "MALLOC_ARENA_MAX=2, or call malloc_trim(0) after peaks";
	case LEDGER_direct_mmap:
		return "find the mmap without its munmap: strace -k -e "
		       "trace=mmap,munmap -p PID";
	case LEDGER_thread_stacks:
		return "see the threads above";
	case LEDGER_files:
		return "mapped files: the kernel takes them back when it needs "
		       "memory; see /proc/PID/smaps for which";
	case LEDGER_shared:
		return "see /dev/shm, ipcs -m and /proc/PID/smaps for whose it "
		       "is";
	case LEDGER_shim:
		return "leakshim's own tables: bound them by memory=SIZE";
	case LEDGER_unexplained:
		return "memory that is of no malloc and no mapping we know: "
		       "record with ledger=deep, see /proc/PID/smaps";
	case LEDGER_LINE_COUNT:
		break;
	}
	return "";
}

static void
advise_growth(struct strbuf *out, const struct row *row,
	      const struct stack *stack)
{
	if (row->kind == ROW_LEDGER)
		strbuf_adds(out, ledger_words(row->line));
	else if (advise_symbols(out, stack))
		return;
	else if (row->kind == ROW_THREAD)
		advise_thread_leak(out, row, stack);
	else if (row->verdict.kind == VERDICT_GROWING_BUFFER)
		advise_buffer(out, row, stack);
	else
		advise_heap_leak(out, stack);
}

bool
advice_is_worth(const struct diff *diff, const struct row *row)
{
	const struct row *rss = &diff->totals[ROW_LEDGER];

	if (!verdict_is_leak(&rss->verdict) &&
	    (double)row->delta.bytes <
		    ADVICE_RESIDENT_SHARE * (double)rss->live_new.bytes)
		return false;
	return row->verdict.bytes_per_hour >=
	       ADVICE_LEDGER_SHARE * rss->verdict.bytes_per_hour;
}

bool
advice(struct strbuf *out, const struct row *row, const struct stack *stack)
{
	switch (row->verdict.kind) {
	case VERDICT_LEAK:
	case VERDICT_GROWING_BUFFER:
		advise_growth(out, row, stack);
		return true;
	case VERDICT_RETENTION:
		strbuf_adds(out, ledger_words(LEDGER_allocator_retained));
		return true;
	case VERDICT_CACHE_FILL:
		if (row->kind == ROW_LEDGER)
			return false;
		advise_cache(out, row, stack);
		return true;
	case VERDICT_INSUFFICIENT:
		advise_insufficient(out, &row->verdict);
		return true;
	case VERDICT_NONE:
	case VERDICT_STEADY:
	case VERDICT_KIND_COUNT:
		break;
	}
	return false;
}
