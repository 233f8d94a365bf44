#include "report_head.h"

#include <inttypes.h>

#include "format.h"

/* Why a snapshot was taken; "" = not known to us. */
static const char *
trigger_words(uint32_t trigger)
{
	static const char *const words[] = {
		[TRIGGER_SIGNAL] = " (at a signal)",
		[TRIGGER_BELL] = " (asked by leakshim)",
		[TRIGGER_INTERVAL] = " (interval)",
		[TRIGGER_GROW] = " (growth)",
		[TRIGGER_LIMIT] = " (memory limit)",
		[TRIGGER_EXIT] = " (at exit)",
		[TRIGGER_INSIDE] = " (by the program)",
	};

	if (trigger >= sizeof(words) / sizeof(words[0]) || !words[trigger])
		return "";
	return words[trigger];
}

/* `old  FILE, number 2 (at a signal), 2026-11-20 09:30:00 UTC, 34 s after
 * tracking began` */
static void
add_snapshot(struct strbuf *out, const char *label, const struct model *model)
{
	const struct header *header = &model->header;

	strbuf_addf(out, "%-10s", label);
	strbuf_add_printable(out, model->file);
	strbuf_addf(out, ", number %" PRIu64 "%s, ", header->sequence,
		    trigger_words(header->trigger));
	format_time(out, header->wall_ns);
	if (header->monotonic_ns >= header->start_monotonic_ns) {
		strbuf_adds(out, ", ");
		format_duration(out, header->monotonic_ns -
					     header->start_monotonic_ns);
		strbuf_adds(out, " after tracking began");
	}
	if (model->truncated)
		strbuf_adds(out, ", truncated");
	strbuf_addc(out, '\n');
}

static void
add_process(struct strbuf *out, const char *label, const struct header *header)
{
	strbuf_addf(out, "%-10s", label);
	strbuf_add_printable(out, header->exe);
	strbuf_addf(out, ", pid %" PRIu32 " on ", header->pid);
	strbuf_add_printable(out, header->host);
	strbuf_addc(out, '\n');
}

static void
add_counting(struct strbuf *out, const struct model *model, const char *label)
{
	uint64_t sample_bytes = model->header.sample_bytes;
	uint32_t shift = model->losses.thinning_shift;

	strbuf_addf(out, "%-10s", label);
	if (sample_bytes > 1) {
		strbuf_adds(out, "a sample, one in ");
		format_bytes(out, (int64_t)(sample_bytes & INT64_MAX), false);
		strbuf_adds(out, " on average: amounts are estimates");
		if (shift)
			strbuf_adds(out, "; of it ");
	}
	if (shift)
		format_thinning(out, shift);
	else if (sample_bytes == 1)
		strbuf_adds(out, "every allocation");
	strbuf_addc(out, '\n');
}

void
report_head(struct strbuf *out, const struct diff *diff)
{
	const struct model *old_model = diff->old_model;
	const struct model *new_model = diff->new_model;

	if (!old_model) {
		add_process(out, "process", &new_model->header);
		add_snapshot(out, "snapshot", new_model);
		add_counting(out, new_model, "counted");
		return;
	}
	if (diff->same_process) {
		add_process(out, "process", &new_model->header);
	} else {
		add_process(out, "first", &old_model->header);
		add_process(out, "second", &new_model->header);
	}
	add_snapshot(out, "old", old_model);
	add_snapshot(out, "new", new_model);
	if (diff->same_snapshot)
		strbuf_adds(out, "note      both are the same snapshot\n");
	if (diff->reversed)
		strbuf_adds(out, "note      NEW is older than OLD: what shrank "
				 "below has grown, what grew has shrunk\n");
	if (old_model->header.sample_bytes == new_model->header.sample_bytes &&
	    old_model->losses.thinning_shift ==
		    new_model->losses.thinning_shift) {
		add_counting(out, new_model, "counted");
	} else {
		add_counting(out, old_model, "old is");
		add_counting(out, new_model, "new is");
	}
}
