#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "baseline_parts.h"
#include "path.h"
#include "site_id.h"
#include "stack.h"
#include "utf8.h"
#include "xalloc.h"

#define BASELINE_MARGIN 0.1
#define BASELINE_MARGIN_BYTES 1024
/* Entries that one note names. */
#define BASELINE_LINES 10
/* Lines about expired ones: old ones expire together, and the report is what
 * people came for. */
#define BASELINE_EXPIRED_LINES 3

/* --- growth ----------------------------------------------------------------- */

/* A profile's moment is that of the calendar, if it has one: when it began to
 * count is not known. */
static bool
has_moment(const struct model *model)
{
	return model->origin != ORIGIN_PROFILE ||
	       history_time_ns(&model->header) > 0;
}

/* What the growth took. 0: not known. */
static double
hours_between(const struct diff *diff)
{
	const struct model *before = diff->old_model;
	const struct model *after = diff->new_model;
	double last = (double)history_time_ns(&after->header);
	double first = 0;

	if (before)
		first = (double)history_time_ns(&before->header);
	else if (after->origin == ORIGIN_PROFILE)
		return 0;
	if (!diff->same_process || !has_moment(after) ||
	    (before && !has_moment(before)))
		return 0;
	return last > first ? (last - first) / 3.6e12 : 0;
}

/* One that has an interval counts by its lower end, as in a gate. Not a number:
 * not known, and so is any sum that it is in. */
static double
rate_of(const struct diff *diff, const struct row *row)
{
	double hours = hours_between(diff);
	double rate;

	if (!diff->judged)
		return hours > 0 ? (double)row->delta.bytes / hours : NAN;
	rate = fmin(row->verdict.bytes_per_hour,
		    row->verdict.bytes_per_hour_low);
	return isfinite(rate) ? rate : NAN;
}

/* What a row grew by, in each unit. */
static void
add_growth(const struct diff *diff, const struct row *row,
	   double grown[AMOUNT_COUNT])
{
	if (row->kind == ROW_THREAD) {
		grown[AMOUNT_THREADS] += (double)row->delta.objects;
		return;
	}
	grown[AMOUNT_BYTES] += (double)row->delta.bytes;
	grown[AMOUNT_RATE] += rate_of(diff, row);
}

static bool
has_grown(const struct diff *diff, const struct row *row)
{
	if (row->kind == ROW_THREAD)
		return row->delta.objects > 0;
	return row_grew(row) ||
	       (diff->judged && row->verdict.bytes_per_hour > 0);
}

static bool
is_of_kind(const struct entry *entry, const struct row *row)
{
	if (row->kind == ROW_THREAD)
		return entry->amounts[AMOUNT_THREADS] >= 0;
	return entry->amounts[AMOUNT_BYTES] >= 0 ||
	       entry->amounts[AMOUNT_RATE] >= 0;
}

/* No margin for threads: they are few, and counted. What is not a number is
 * within no bound. */
static bool
suffices(int64_t accepted, double grown, enum amount_kind kind)
{
	double most = (double)accepted;

	if (kind != AMOUNT_THREADS)
		most += fmax(most * BASELINE_MARGIN, BASELINE_MARGIN_BYTES);
	return grown <= most;
}

static bool
accepts(const struct entry *entry, const struct row *row)
{
	unsigned int i;

	for (i = 0; i < AMOUNT_COUNT; i++) {
		if ((i == AMOUNT_THREADS) == (row->kind == ROW_THREAD) &&
		    entry->amounts[i] >= 0 &&
		    !suffices(entry->amounts[i], entry->grown[i],
			      (enum amount_kind)i))
			return false;
	}
	return true;
}

static struct entry *
find_entry(const struct baseline *baseline, uint64_t site)
{
	struct entry key = { .site = site };

	if (!baseline->count)
		return NULL;
	return bsearch(&key, baseline->entries, baseline->count,
		       sizeof(*baseline->entries), baseline_compare);
}

/* A growing row and its entry. */
struct match {
	struct row *row;
	struct entry *entry;
};

/* Stacks that differ in lines alone share an entry: it is held against their
 * sum. */
void
baseline_apply(struct baseline *baseline, struct diff *diff,
	       const struct atlas *atlas, struct resolver *resolver,
	       int64_t today)
{
	size_t end = diff->first[ROW_LEDGER];
	struct match *matches = NULL;
	size_t count = 0, capacity = 0;
	struct stack stack = { 0 };
	size_t i;

	for (i = 0; i < baseline->count; i++)
		memset(baseline->entries[i].grown, 0,
		       sizeof(baseline->entries[i].grown));
	for (i = 0; i < end && baseline->count; i++) {
		struct row *row = &diff->rows[i];
		struct entry *entry;

		if (row->fate != FATE_LISTED || !has_grown(diff, row))
			continue;
		entry = find_entry(baseline, site_id_of_row(atlas, resolver,
							    row, &stack));
		if (!entry || !is_of_kind(entry, row))
			continue;
		entry->seen = true;
		add_growth(diff, row, entry->grown);
		matches =
			xgrow(matches, &capacity, count + 1, sizeof(*matches));
		matches[count++] = (struct match){ row, entry };
	}
	for (i = 0; i < count; i++) {
		struct entry *entry = matches[i].entry;

		if (matches[i].row->kind == ROW_HEAP &&
		    entry->amounts[AMOUNT_RATE] >= 0 &&
		    isnan(entry->grown[AMOUNT_RATE]))
			entry->rate_unknown = true;
		if (entry->expires >= today && accepts(entry, matches[i].row))
			matches[i].row->fate = FATE_ACCEPTED;
	}
	free(matches);
	stack_release(&stack);
}

/* --- telling ---------------------------------------------------------------- */

static void
add_entry_name(const struct entry *entry, struct strbuf *out)
{
	const char *function =
		json_string_value(json_object_get(entry->json, "function"));
	char id[SITE_ID_BYTES];

	site_id_format(id, entry->site);
	if (function && *function) {
		strbuf_add_printable(out, function);
		strbuf_addf(out, " (site %s)", id);
	} else {
		strbuf_addf(out, "site %s", id);
	}
}

static void
tell_expired(const struct baseline *baseline, int64_t today,
	     struct strbuf *lines)
{
	size_t count = 0, i;
	char day[16];

	for (i = 0; i < baseline->count; i++) {
		const struct entry *entry = &baseline->entries[i];

		if (entry->expires >= today ||
		    count++ >= BASELINE_EXPIRED_LINES)
			continue;
		baseline_format_day(day, entry->expires);
		strbuf_adds(lines, "warning: baseline ");
		strbuf_add_quoted(lines, baseline->file);
		strbuf_adds(lines, ": ");
		add_entry_name(entry, lines);
		strbuf_addf(lines, " was accepted until %s: it counts again\n",
			    day);
	}
	if (count > BASELINE_EXPIRED_LINES)
		strbuf_addf(lines, "warning: ... and %zu more\n",
			    count - BASELINE_EXPIRED_LINES);
}

static bool
has_no_rate(const struct entry *entry)
{
	return entry->rate_unknown;
}

static bool
is_unseen(const struct entry *entry)
{
	return !entry->seen;
}

/* One line that names the entries of which `is_one` is true. */
static void
tell_all(const struct baseline *baseline,
	 bool (*is_one)(const struct entry *entry), const char *what,
	 struct strbuf *lines)
{
	size_t count = 0, i;

	for (i = 0; i < baseline->count; i++) {
		const struct entry *entry = &baseline->entries[i];

		if (!is_one(entry))
			continue;
		if (count == 0) {
			strbuf_adds(lines, "note: baseline ");
			strbuf_add_quoted(lines, baseline->file);
			strbuf_addf(lines, ": %s ", what);
		}
		if (count < BASELINE_LINES) {
			strbuf_adds(lines, count ? ", " : "");
			add_entry_name(entry, lines);
		}
		count++;
	}
	if (count > BASELINE_LINES)
		strbuf_addf(lines, " and %zu sites more",
			    count - BASELINE_LINES);
	if (count)
		strbuf_addc(lines, '\n');
}

void
baseline_tell(const struct baseline *baseline, int64_t today,
	      struct strbuf *lines)
{
	tell_expired(baseline, today, lines);
	tell_all(baseline, has_no_rate,
		 "over no known time nothing is accepted by the hour at",
		 lines);
	tell_all(baseline, is_unseen, "nothing grows any more at", lines);
}

void
baseline_tell_written(const struct baseline *baseline, struct strbuf *lines)
{
	strbuf_adds(lines, "baseline ");
	strbuf_add_quoted(lines, baseline->file);
	strbuf_addf(lines, ": %zu %s, %zu of them new\n", baseline->count,
		    baseline->count == 1 ? "entry" : "entries",
		    baseline->added);
}

/* --- writing ---------------------------------------------------------------- */

/* What is new, by site: an array that is sorted when all are there. */
struct finding {
	uint64_t site;
	const struct row *row; /* of those that share the site, the first */
	double grown[AMOUNT_COUNT];
};

struct findings {
	struct finding *list;
	size_t count;
	size_t capacity;
};

static int
compare_findings(const void *a, const void *b)
{
	const struct finding *left = a, *right = b;

	if (left->site != right->site)
		return left->site < right->site ? -1 : 1;
	return left->row < right->row ? -1 : left->row > right->row;
}

static bool
is_to_accept(const struct diff *diff, const struct row *row)
{
	if (row->fate == FATE_SUPPRESSED || !has_grown(diff, row))
		return false;
	if (row->kind == ROW_THREAD || !diff->judged)
		return true;
	return verdict_is_leak(&row->verdict);
}

/* Those that share a site are one. */
static void
merge_findings(struct findings *findings)
{
	size_t kept = 0, i;
	unsigned int k;

	if (findings->count)
		qsort(findings->list, findings->count, sizeof(*findings->list),
		      compare_findings);
	for (i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		if (!kept || findings->list[kept - 1].site != finding->site) {
			findings->list[kept++] = *finding;
			continue;
		}
		for (k = 0; k < AMOUNT_COUNT; k++)
			findings->list[kept - 1].grown[k] += finding->grown[k];
	}
	findings->count = kept;
}

static void
set_text(json_t *json, const char *key, const char *text)
{
	char *copy = xstrdup(text);

	utf8_repair(copy);
	json_object_set_new_nocheck(json, key, json_string_nocheck(copy));
	free(copy);
}

static void
set_number(json_t *json, const char *key, int64_t value)
{
	json_object_set_new_nocheck(json, key, json_integer(value));
}

static struct entry *
add_entry(struct baseline *baseline, const struct finding *finding,
	  struct resolver *resolver, int64_t today)
{
	struct entry entry = { .site = finding->site,
			       .expires = today + BASELINE_DAYS };
	const struct stack_frame *frame;
	struct stack stack = { 0 };
	char id[SITE_ID_BYTES];
	unsigned int i;

	stack_resolve(&stack, resolver, finding->row);
	frame = &stack.frames[stack.blamed];
	entry.json = json_object();
	site_id_format(id, entry.site);
	set_text(entry.json, "site", id);
	set_text(entry.json, "function", frame->symbol->function);
	set_text(entry.json, "module", path_base(frame->module->path));
	set_text(entry.json, "reason", "");
	for (i = 0; i < AMOUNT_COUNT; i++)
		entry.amounts[i] = -1;
	json_array_append_new(baseline->accepted, entry.json);
	stack_release(&stack);
	baseline->entries = xgrow(baseline->entries, &baseline->capacity,
				  baseline->count + 1, sizeof(entry));
	baseline->entries[baseline->count] = entry;
	baseline->added++;
	return &baseline->entries[baseline->count++];
}

/* A double is exact to here, and nobody accepts more. */
#define BASELINE_AMOUNT_MAX 9e15

/* Only numbers that are read again: not below 0, and none for what is not
 * known. A leak's rate may fall below 0 at the lower end of its interval. */
static void
raise(struct entry *entry, enum amount_kind kind, double grown)
{
	if (isnan(grown) || (entry->amounts[kind] >= 0 &&
			     suffices(entry->amounts[kind], grown, kind)))
		return;
	entry->amounts[kind] =
		(int64_t)ceil(fmin(fmax(grown, 0), BASELINE_AMOUNT_MAX));
	set_number(entry->json, baseline_amount_name(kind),
		   entry->amounts[kind]);
}

static void
accept_finding(struct entry *entry, const struct finding *finding, bool judged)
{
	enum amount_kind kind;
	unsigned int i;

	if (finding->row->kind == ROW_THREAD) {
		raise(entry, AMOUNT_THREADS, finding->grown[AMOUNT_THREADS]);
		return;
	}
	if (entry->amounts[AMOUNT_BYTES] < 0 &&
	    entry->amounts[AMOUNT_RATE] < 0) {
		kind = judged && !isnan(finding->grown[AMOUNT_RATE])
			       ? AMOUNT_RATE
			       : AMOUNT_BYTES;
		raise(entry, kind, finding->grown[kind]);
	}
	for (i = 0; i < AMOUNT_THREADS; i++) {
		if (entry->amounts[i] >= 0)
			raise(entry, (enum amount_kind)i, finding->grown[i]);
	}
}

/* Last in the entry, where people look for it. */
static void
set_expiry(struct entry *entry)
{
	char day[16];

	baseline_format_day(day, entry->expires);
	set_text(entry->json, "expires", day);
}

static void
find_growth(struct findings *findings, const struct diff *diff,
	    enum row_kind kind, const struct atlas *atlas,
	    struct resolver *resolver)
{
	struct stack stack = { 0 };
	size_t i;

	for (i = 0; i < diff->count[kind]; i++) {
		const struct row *row = &diff->rows[diff->first[kind] + i];
		struct finding finding = { .row = row };

		if (!is_to_accept(diff, row))
			continue;
		finding.site = site_id_of_row(atlas, resolver, row, &stack);
		add_growth(diff, row, finding.grown);
		findings->list = xgrow(findings->list, &findings->capacity,
				       findings->count + 1,
				       sizeof(*findings->list));
		findings->list[findings->count++] = finding;
	}
	stack_release(&stack);
	merge_findings(findings);
}

void
baseline_accept(struct baseline *baseline, const struct diff *diff,
		const struct atlas *atlas, struct resolver *resolver,
		int64_t today)
{
	unsigned int kind;

	for (kind = 0; kind < ROW_LEDGER; kind++) {
		struct findings findings = { 0 };
		size_t sorted = baseline->count;
		size_t i;

		find_growth(&findings, diff, (enum row_kind)kind, atlas,
			    resolver);
		for (i = 0; i < findings.count; i++) {
			const struct finding *finding = &findings.list[i];
			struct entry key = { .site = finding->site };
			struct entry *entry = NULL;
			bool is_new;

			/* New ones are at the end, unsorted, but no site
			 * comes twice. */
			if (sorted)
				entry = bsearch(&key, baseline->entries, sorted,
						sizeof(key), baseline_compare);
			is_new = !entry;
			if (is_new)
				entry = add_entry(baseline, finding, resolver,
						  today);
			accept_finding(entry, finding, diff->judged);
			if (is_new)
				set_expiry(entry);
		}
		if (baseline->count)
			qsort(baseline->entries, baseline->count,
			      sizeof(*baseline->entries), baseline_compare);
		free(findings.list);
	}
}
