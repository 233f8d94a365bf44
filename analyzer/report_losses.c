#include "report_losses.h"

#include <inttypes.h>
#include <string.h>

#include "format.h"

static void
add_loss(struct strbuf *out, const struct diff *diff, uint64_t new_count,
	 uint64_t old_count, const char *words)
{
	if (new_count == 0 && old_count == 0)
		return;
	strbuf_addf(out, "  %s: ", words);
	format_count(out, (int64_t)(new_count & INT64_MAX), false);
	if (diff->old_model) {
		strbuf_adds(out, " (old: ");
		format_count(out, (int64_t)(old_count & INT64_MAX), false);
		strbuf_addc(out, ')');
	}
	strbuf_addc(out, '\n');
}

/* A line of one snapshot, which a comparison has to name. */
static void
begin_loss(struct strbuf *out, const struct diff *diff,
	   const struct model *model)
{
	strbuf_adds(out, "  ");
	if (!diff->old_model)
		return;
	strbuf_add_printable(out, model->file);
	strbuf_adds(out, ": ");
}

static void
add_model_losses(struct strbuf *out, const struct diff *diff,
		 const struct model *model)
{
	if (model->truncated) {
		strbuf_adds(out, "  ");
		strbuf_add_printable(out, model->file);
		strbuf_addf(out,
			    " is truncated: what follows byte %" PRIu64
			    " (uncompressed) is missing",
			    model->prefix_bytes);
		if (model->dropped_rows)
			strbuf_addf(out,
				    ", and %" PRIu32 " sites could not be used",
				    model->dropped_rows);
		strbuf_addc(out, '\n');
	}
	if (model->losses.thinning_shift) {
		begin_loss(out, diff, model);
		format_thinning(out, model->losses.thinning_shift);
		strbuf_addc(out, '\n');
	}
	if (*model->losses.disabled_because) {
		begin_loss(out, diff, model);
		strbuf_adds(out, "tracking stopped itself: ");
		strbuf_add_printable(out, model->losses.disabled_because);
		strbuf_addc(out, '\n');
	}
}

/* Told once of what two snapshots of one process both lack. */
static void
add_late_start(struct strbuf *out, const struct diff *diff)
{
	const struct model *const models[] = { diff->old_model,
					       diff->new_model };
	size_t i;

	for (i = 0; i < 2; i++) {
		if (!models[i] || !models[i]->header.late_ns ||
		    (i == 0 && diff->same_process))
			continue;
		if (diff->same_process)
			strbuf_adds(out, "  ");
		else
			begin_loss(out, diff, models[i]);
		strbuf_adds(out, "what was allocated in the ");
		format_duration(out, models[i]->header.late_ns);
		strbuf_adds(out, " before tracking began is not counted\n");
	}
}

/* Its blocks are written while the program goes on, some seconds at worst
 * (FORMAT.md, Consistency). */
static void
add_dump(struct strbuf *out, const struct diff *diff)
{
	bool old_is = diff->old_model && diff->old_model->is_dump;
	bool new_is = diff->new_model->is_dump;

	if (!old_is && !new_is)
		return;
	strbuf_addf(out,
		    "  %s not of one moment: live may differ by a few blocks "
		    "from allocated less freed\n",
		    !diff->old_model   ? "a dump is"
		    : old_is && new_is ? "dumps are"
		    : old_is           ? "the old file is a dump, which is"
				       : "the new file is a dump, which is");
}

/* keep=2 is for who wants the first and the last, as `leakshim run
 * --then-report`: what lay between is no loss to a comparison of those. */
static bool
wants_ends_only(const struct diff *diff)
{
	const struct header *header = &diff->new_model->header;
	uint32_t i;

	for (i = 0; i < header->option_count; i++)
		if (!strcmp(header->options[i].key, "keep"))
			return diff->old_model &&
			       !strcmp(header->options[i].value, "2");
	return false;
}

static void
add_not_compared(struct strbuf *out, size_t sites, const char *kind)
{
	if (sites == 0)
		return;
	strbuf_addf(out,
		    "  %s sites not compared, as only one snapshot has them: ",
		    kind);
	format_count(out, (int64_t)sites, false);
	strbuf_addc(out, '\n');
}

void
report_losses(struct page *page, const struct diff *diff)
{
	static const struct losses none;
	struct losses new_losses = diff->new_model->losses;
	struct losses old_losses = diff->old_model ? diff->old_model->losses
						   : none;
	struct strbuf lines = { 0 };
	size_t begin;

	if (diff->old_model)
		add_model_losses(&lines, diff, diff->old_model);
	add_model_losses(&lines, diff, diff->new_model);
	add_late_start(&lines, diff);
	if (wants_ends_only(diff))
		new_losses.snapshots_removed = old_losses.snapshots_removed = 0;
	add_dump(&lines, diff);
	add_not_compared(&lines, diff->not_compared[ROW_HEAP], "heap");
	add_not_compared(&lines, diff->not_compared[ROW_THREAD], "thread");
#define X(name, words)                                                         \
	add_loss(&lines, diff, new_losses.name, old_losses.name, words);
	LOSSES(X)
#undef X
	if (lines.len) {
		strbuf_addc(&page->text, '\n');
		page_adds(page, PAGE_STRONG, "What the numbers lack");
		strbuf_addc(&page->text, '\n');
		begin = page->text.len;
		strbuf_adds(&page->text, strbuf_text(&lines));
		page_wrap(page, begin, 4);
	}
	strbuf_release(&lines);
}
