#include "report_amounts.h"

#include "format.h"
#include "saturate.h"

static void
add_objects(struct strbuf *out, int64_t objects, bool sign)
{
	format_count(out, objects, sign);
	strbuf_adds(out,
		    objects == 1 || objects == -1 ? " object" : " objects");
}

/* `live 10.2 MiB in 1,300 objects (was 0.6 MiB in 66 objects)` */
static void
add_live(struct strbuf *out, const struct row *row)
{
	strbuf_adds(out, "live ");
	format_bytes(out, row->live_new.bytes, false);
	strbuf_adds(out, " in ");
	add_objects(out, row->live_new.objects, false);
	strbuf_adds(out, " (was ");
	format_bytes(out, row->live_old.bytes, false);
	strbuf_adds(out, " in ");
	add_objects(out, row->live_old.objects, false);
	strbuf_addc(out, ')');
}

static bool
is_exact(const struct model *model)
{
	return model->header.sample_bytes == 1 && !model->losses.thinning_shift;
}

/* The program runs on between the copy of its blocks and that of the counters
 * (FORMAT.md, Consistency). */
static bool
grew_more_than_allocated(const struct diff *diff, const struct row *row)
{
	if (!diff->old_model || !diff->same_process ||
	    !is_exact(diff->old_model) || !is_exact(diff->new_model))
		return false;
	/* Else what was lost may be why. */
	if (diff->new_model->losses.abandoned_calls ||
	    diff->new_model->header.fork_threads)
		return false;
	return row->delta.bytes >
		       saturate_add(row->alloc.bytes, -row->release.bytes) ||
	       row->delta.objects >
		       saturate_add(row->alloc.objects, -row->release.objects);
}

static void
add_traffic(struct strbuf *out, const struct diff *diff, const struct row *row)
{
	bool sign = !diff->same_process;

	if (!diff->old_model)
		strbuf_adds(out, "since the start: ");
	else if (diff->same_process)
		strbuf_adds(out, "in between: ");
	else
		strbuf_adds(out, "second against first: ");
	format_bytes(out, row->alloc.bytes, sign);
	strbuf_adds(out, " allocated in ");
	add_objects(out, row->alloc.objects, sign);
	strbuf_adds(out, ", ");
	format_bytes(out, row->release.bytes, sign);
	strbuf_adds(out, " freed in ");
	add_objects(out, row->release.objects, sign);
	if (grew_more_than_allocated(diff, row))
		strbuf_adds(out, " (counters and blocks are read a moment "
				 "apart)");
}

static void
add_heap_change(struct strbuf *out, const struct row *row, bool sign)
{
	format_bytes(out, row->delta.bytes, sign);
	strbuf_adds(out, " in ");
	/* A buffer that grows is no new object. */
	if (sign && row->delta.bytes && !row->delta.objects) {
		strbuf_adds(out, "the same ");
		strbuf_adds(out,
			    row->live_new.objects == 1 ? "" : "number of ");
		strbuf_adds(out,
			    row->live_new.objects == 1 ? "object" : "objects");
	} else {
		add_objects(out, row->delta.objects, sign);
	}
}

/* `15 running (+12)`, or without the change where there is none. */
static void
add_state(struct strbuf *out, int64_t now, int64_t before, bool is_diff,
	  const char *state)
{
	format_count(out, now, false);
	strbuf_addf(out, " %s", state);
	if (is_diff && now != before) {
		strbuf_adds(out, " (");
		format_count(out, now - before, true);
		strbuf_addc(out, ')');
	}
}

/* `+5 threads, +40.0 MiB of reserved stack` */
static void
add_thread_change(struct strbuf *out, const struct row *row, bool sign)
{
	int64_t threads = row->delta.objects;

	if (sign && !threads && !row->delta.bytes) {
		strbuf_adds(out, "no change in threads that hold resources");
		return;
	}
	format_count(out, threads, sign);
	strbuf_adds(out,
		    threads == 1 || threads == -1 ? " thread" : " threads");
	/* Profiles don't know stacks. */
	if (!row->delta.bytes && !row->live_new.bytes)
		return;
	strbuf_adds(out, ", ");
	format_bytes(out, row->delta.bytes, sign);
	strbuf_adds(out, " of reserved stack");
}

static void
add_states(struct strbuf *out, const struct diff *diff, const struct row *row)
{
	bool sign = diff->old_model != NULL;

	add_state(out, row->threads_new.running, row->threads_old.running, sign,
		  "running");
	strbuf_adds(out, ", ");
	add_state(out, row->threads_new.unjoined, row->threads_old.unjoined,
		  sign, "exited but never joined");
}

/* Red is what grew. What one snapshot holds is no change. */
static enum page_style
style_of(const struct row *row)
{
	if (row_grew(row))
		return PAGE_BAD;
	return row->delta.bytes || row->delta.objects ? PAGE_GOOD : PAGE_DIM;
}

void
report_change(struct page *page, const struct diff *diff, const struct row *row)
{
	bool sign = diff->old_model != NULL;
	bool is_colored = sign && !diff->judged;

	if (is_colored)
		page_begin(page, style_of(row));
	if (row->kind == ROW_HEAP)
		add_heap_change(&page->text, row, sign);
	else
		add_thread_change(&page->text, row, sign);
	if (is_colored)
		page_end(page);
}

static void
begin_detail(struct page *page)
{
	strbuf_adds(&page->text, "      ");
	page_begin(page, PAGE_DIM);
}

static void
end_detail(struct page *page)
{
	page_end(page);
	strbuf_addc(&page->text, '\n');
}

void
report_details(struct page *page, const struct diff *diff,
	       const struct row *row)
{
	if (row->kind == ROW_THREAD) {
		begin_detail(page);
		add_states(&page->text, diff, row);
		end_detail(page);
		return;
	}
	if (diff->old_model) {
		begin_detail(page);
		add_live(&page->text, row);
		end_detail(page);
	}
	begin_detail(page);
	add_traffic(&page->text, diff, row);
	end_detail(page);
}
