/* What makes a comparison worth nothing, whatever it shows. */
#include "gate.h"

#include <string.h>

#include "format.h"
#include "saturate.h"

/* Events whose bytes are missing, or are still there though they went. */
static double
count_lost(const struct losses *losses)
{
	return (double)losses->dropped_allocs + (double)losses->dropped_frees +
	       (double)losses->implicit_frees +
	       (double)losses->reentrant_calls + (double)losses->early_calls +
	       (double)losses->size_clamped + (double)losses->skipped_blocks;
}

/* Over the time that is compared: a burst counts, however long the process ran
 * before. */
static double
lost_events(const struct diff *diff)
{
	double lost = count_lost(&diff->new_model->losses);

	if (diff->old_model)
		lost -= count_lost(&diff->old_model->losses);
	return lost > 0 ? lost : 0;
}

/* Events that were recorded. A sample's objects are estimates of all, but it
 * can lose those alone that it takes. */
static double
recorded_events(const struct diff *diff)
{
	const struct row *total = &diff->totals[ROW_HEAP];
	double sample = (double)diff->new_model->header.sample_bytes;
	double events =
		(double)total->alloc.objects + (double)total->release.objects;
	double bytes =
		(double)total->alloc.bytes + (double)total->release.bytes;

	if (sample > 1 && bytes / sample < events)
		events = bytes / sample;
	return events > 0 ? events : 0;
}

static void
add_share(struct strbuf *out, double share)
{
	strbuf_addf(out, "%.2g%%", share * 100);
}

static bool
lost_too_much(const struct diff *diff, double max_loss, struct strbuf *reason)
{
	double lost = lost_events(diff);
	double events = recorded_events(diff);

	if (lost == 0 || lost <= max_loss * (events + lost))
		return false;
	format_count(reason, saturate_round(lost), false);
	strbuf_addf(reason, " of ");
	format_count(reason, saturate_round(events + lost), false);
	strbuf_adds(reason, " events were lost: ");
	add_share(reason, lost / (events + lost));
	strbuf_adds(reason, ", more than ");
	add_share(reason, max_loss);
	strbuf_adds(reason, " (--max-loss)");
	return true;
}

/* start=off, and nobody started it. */
static bool
never_started(const struct diff *diff)
{
	const struct header *header = &diff->new_model->header;
	const struct row *total = &diff->totals[ROW_HEAP];
	uint32_t i;

	if (total->alloc_ever.objects || total->release_ever.objects)
		return false;
	for (i = 0; i < header->option_count; i++) {
		if (strcmp(header->options[i].key, "start") == 0 &&
		    strcmp(header->options[i].value, "off") == 0)
			return true;
	}
	return false;
}

static bool
add_reason(struct strbuf *reason, const char *file, const char *what)
{
	strbuf_add_quoted(reason, file);
	strbuf_adds(reason, what);
	return true;
}

static bool
is_snapshot_blind(const struct model *model, struct strbuf *reason)
{
	if (model->truncated)
		return add_reason(reason, model->file, " is truncated");
	if (model->totals_disagree)
		return add_reason(reason, model->file,
				  ": its totals are not the sums of its "
				  "sites");
	if (*model->losses.disabled_because) {
		add_reason(reason, model->file,
			   ": tracking had stopped itself: ");
		strbuf_add_printable(reason, model->losses.disabled_because);
		return true;
	}
	return false;
}

bool
gate_is_blind(const struct study_part *part, double max_loss,
	      struct strbuf *reason)
{
	const struct history *history = part->history;
	const struct diff *diff = part->diff;
	size_t i;

	if (!diff->same_process) {
		strbuf_adds(reason, "the snapshots are of different processes");
		return true;
	}
	if (diff->same_snapshot) {
		strbuf_adds(reason, "both are the same snapshot");
		return true;
	}
	if (diff->reversed)
		return add_reason(reason, diff->new_model->file,
				  " is the older one: give it first");
	for (i = 0; i < history->snapshot_count; i++) {
		if (is_snapshot_blind(history->snapshots[i], reason))
			return true;
	}
	if (never_started(diff)) {
		strbuf_adds(reason, "tracking never began (start=off)");
		return true;
	}
	return lost_too_much(diff, max_loss, reason);
}
