#include "report_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "path.h"
#include "stack.h"
#include "xalloc.h"

/* Names and marks that are listed one by one. */
#define FILES_LISTED 3
#define MARKS_LISTED 5

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

/* Do the parts of a name, as in app.12.2.snap, tell another number? After a
 * dump they do, which has a number but counts in no name, and where a name was
 * taken (FORMAT.md). */
static bool
has_other_number(const char *file, uint64_t sequence)
{
	const char *part = path_base(file);
	char digits[24];
	bool has_one = false; /* from 1 on */

	snprintf(digits, sizeof(digits), "%" PRIu64, sequence);
	while (*part) {
		size_t len = strcspn(part, ".");

		if (*part >= '1' && *part <= '9' &&
		    strspn(part, "0123456789") >= len) {
			if (len == strlen(digits) &&
			    !strncmp(part, digits, len))
				return false;
			has_one = true;
		}
		part += len + (part[len] == '.');
	}
	return has_one;
}

/* `old  FILE, number 2 (at a signal), 2026-11-20 09:30:00 UTC, 34 s after
 * tracking began` */
static void
add_snapshot(struct strbuf *out, const char *label, const struct model *model)
{
	const struct header *header = &model->header;

	strbuf_addf(out, "%-10s", label);
	strbuf_add_printable(out, model->file);
	if (model->origin == ORIGIN_PROFILE)
		strbuf_adds(out, ", a profile");
	else if (header->sequence)
		strbuf_addf(out, ", number %" PRIu64 "%s%s", header->sequence,
			    has_other_number(model->file, header->sequence)
				    ? " of snapshots and dumps"
				    : "",
			    trigger_words(header->trigger));
	if (header->wall_ns) {
		strbuf_adds(out, ", ");
		format_time(out, header->wall_ns);
	}
	/* Profiles don't say when tracking began. */
	if (model->origin == ORIGIN_SNAPSHOT &&
	    header->monotonic_ns >= header->start_monotonic_ns) {
		strbuf_adds(out, ", ");
		format_duration(out, header->monotonic_ns -
					     header->start_monotonic_ns);
		strbuf_adds(out, " after tracking began");
	}
	if (model->truncated)
		strbuf_adds(out, ", truncated");
	strbuf_addc(out, '\n');
}

void
report_head_process(struct strbuf *out, const struct header *header)
{
	if (*header->exe)
		strbuf_add_printable(out, header->exe);
	else
		strbuf_adds(out, "unknown program");
	if (header->pid)
		strbuf_addf(out, ", pid %" PRIu32, header->pid);
	if (*header->host) {
		strbuf_adds(out, header->pid ? " on " : ", on ");
		strbuf_add_printable(out, header->host);
	}
}

static void
add_process(struct strbuf *out, const char *label, const struct header *header)
{
	strbuf_addf(out, "%-10s", label);
	report_head_process(out, header);
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
		strbuf_adds(out, model->header.late_ns
					 ? "every allocation since tracking "
					   "began"
					 : "every allocation");
	strbuf_addc(out, '\n');
}

/* --- how sites were matched ------------------------------------------------- */

/* Modules that call stacks go through, by whether they have a build-id. */
struct identity {
	size_t with;
	size_t without;
	const char *paths[FILES_LISTED]; /* the first without */
};

static void
find_identity(const struct model *model, struct identity *identity)
{
	bool *seen = xcalloc((size_t)model->module_count + 1, sizeof(*seen));
	uint32_t i;

	for (i = 1; i <= model->pc_count; i++) {
		uint32_t id = model->pcs[i].module.id;
		const struct module *module = &model->modules[id];

		/* Generated code and the kernel's own are no files. */
		if (seen[id] || *module->path != '/')
			continue;
		seen[id] = true;
		if (module->build_id) {
			identity->with++;
			continue;
		}
		if (identity->without < FILES_LISTED)
			identity->paths[identity->without] = module->path;
		identity->without++;
	}
	free(seen);
}

static void
add_pathed(struct strbuf *out, const struct identity *identity)
{
	size_t i;

	for (i = 0; i < identity->without && i < FILES_LISTED; i++) {
		strbuf_adds(out, i ? ", " : "");
		strbuf_add_printable(out, path_base(identity->paths[i]));
	}
	if (identity->without > FILES_LISTED) {
		strbuf_adds(out, " and ");
		format_count(out, (int64_t)(identity->without - FILES_LISTED),
			     false);
		strbuf_adds(out, " more");
	}
	strbuf_adds(out, identity->without == 1
				 ? " by path, as it has no build-id"
				 : " by path, as they have no build-id");
}

static void
add_matching(struct strbuf *out, const struct report *report)
{
	const struct classes *classes = report->diff->classes[ROW_HEAP];
	struct identity identity = { 0 };

	find_identity(resolver_model(report->resolver), &identity);
	if (!identity.with && !identity.without)
		return;
	strbuf_adds(out, "matched   ");
	if (identity.with) {
		strbuf_adds(out, "by build-id and place in the file");
		strbuf_adds(out, identity.without ? "; " : "");
		if (identity.without)
			add_pathed(out, &identity);
	} else {
		strbuf_adds(out, "by path and place in the file, as no file "
				 "has a build-id");
	}
	if (classes && classes->by_names)
		strbuf_adds(out,
			    "; by function name in files that were built anew");
	if (classes && classes->unmatched) {
		strbuf_adds(out, "; ");
		format_count(out, classes->unmatched, false);
		strbuf_adds(out, classes->unmatched == 1
					 ? " call stack is not matched"
					 : " call stacks are not matched");
		strbuf_adds(out, " from build to build, as files that were "
				 "built anew have no names");
	}
	strbuf_addc(out, '\n');
}

static void
add_marks(struct strbuf *out, const struct model *model)
{
	uint32_t i = model->mark_count > MARKS_LISTED
			     ? model->mark_count - MARKS_LISTED
			     : 0;

	for (; i < model->mark_count; i++) {
		const struct mark *mark = &model->marks[i];

		strbuf_adds(out, "mark      ");
		format_time(out, mark->wall_ns);
		strbuf_adds(out, ": ");
		strbuf_add_printable(out, mark->text);
		strbuf_addc(out, '\n');
	}
	if (model->mark_count > MARKS_LISTED)
		strbuf_addf(out, "          (%" PRIu32 " earlier marks)\n",
			    model->mark_count - MARKS_LISTED);
}

/* --- the whole -------------------------------------------------------------- */

static void
add_series(struct strbuf *out, const struct diff *diff)
{
	const struct history *history = diff->history;
	uint64_t from = history->times_ns[0];
	uint64_t to = history->times_ns[diff->point_count - 1];

	strbuf_adds(out, "snapshots ");
	format_count(out, (int64_t)diff->snapshot_count, false);
	strbuf_adds(out, " over ");
	format_seconds(out, to > from ? (double)(to - from) / 1e9 : 0);
	if (diff->point_count < diff->snapshot_count)
		strbuf_addf(out, ", %zu of them in the trend",
			    diff->point_count);
	strbuf_addc(out, '\n');
}

static void
add_countings(struct strbuf *out, const struct diff *diff)
{
	const struct model *old_model = diff->old_model;
	const struct model *new_model = diff->new_model;

	if (!old_model ||
	    (old_model->header.sample_bytes == new_model->header.sample_bytes &&
	     old_model->losses.thinning_shift ==
		     new_model->losses.thinning_shift)) {
		add_counting(out, new_model, "counted");
	} else {
		add_counting(out, old_model,
			     diff->point_count ? "first is" : "old is");
		add_counting(out, new_model,
			     diff->point_count ? "last is" : "new is");
	}
}

static void
add_compared(struct strbuf *out, const struct report *report)
{
	const struct diff *diff = report->diff;
	const struct model *old_model = diff->old_model;
	const struct model *new_model = diff->new_model;

	if (diff->same_process) {
		add_process(out, "process", &new_model->header);
	} else {
		add_process(out, "first", &old_model->header);
		add_process(out, "second", &new_model->header);
	}
	add_snapshot(out, diff->point_count ? "first" : "old", old_model);
	add_snapshot(out, diff->point_count ? "last" : "new", new_model);
	if (diff->point_count)
		add_series(out, diff);
	if (diff->same_snapshot)
		strbuf_adds(out, "note      both are the same snapshot\n");
	if (diff->reversed)
		strbuf_adds(out, "note      NEW is older than OLD: what shrank "
				 "below has grown, what grew has shrunk\n");
	add_matching(out, report);
}

void
report_head(struct page *page, const struct report *report)
{
	const struct diff *diff = report->diff;
	struct strbuf *out = &page->text;
	size_t begin = out->len;

	if (diff->old_model) {
		add_compared(out, report);
	} else {
		add_process(out, "process", &diff->new_model->header);
		add_snapshot(out, "snapshot", diff->new_model);
	}
	add_marks(out, diff->new_model);
	add_countings(out, diff);
	page_wrap(page, begin, 10);
}
