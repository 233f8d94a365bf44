#include "json_process.h"

#include <string.h>

#include "headline.h"
#include "jsonval.h"
#include "process.h"
#include "select.h"

/* --- snapshots -------------------------------------------------------------- */

static const char *
trigger_name(uint32_t trigger)
{
	static const char *const names[] = {
		[TRIGGER_SIGNAL] = "signal",     [TRIGGER_BELL] = "bell",
		[TRIGGER_INTERVAL] = "interval", [TRIGGER_GROW] = "growth",
		[TRIGGER_LIMIT] = "limit",       [TRIGGER_EXIT] = "exit",
		[TRIGGER_INSIDE] = "program",
	};

	if (trigger >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return names[trigger];
}

/* Times count from when tracking began. A profile doesn't say when that was:
 * there they count from the first. */
static uint64_t
base_ns(const struct history *history)
{
	const struct model *first = history_first(history);

	return first->origin == ORIGIN_PROFILE ? history_time_ns(&first->header)
					       : 0;
}

static double
seconds_since(uint64_t base, uint64_t time_ns)
{
	return time_ns >= base ? (double)(time_ns - base) / 1e9
			       : -(double)(base - time_ns) / 1e9;
}

/* What was live at a snapshot; false if its point was thinned out. */
static bool
find_live(const struct diff *diff, size_t index, struct amount *live)
{
	const struct history *history = diff->history;
	const struct row *total = &diff->totals[ROW_HEAP];
	uint64_t time;
	size_t i;

	if (diff->point_count == 0) {
		*live = index + 1 == diff->snapshot_count ? total->live_new
							  : total->live_old;
		return true;
	}
	if (!total->points)
		return false;
	if (diff->point_count == diff->snapshot_count) {
		*live = total->points[index];
		return true;
	}
	time = history_time_ns(&history->snapshots[index]->header);
	for (i = 0; i < diff->point_count; i++) {
		if (history->times_ns[i] == time) {
			*live = total->points[i];
			return true;
		}
	}
	return false;
}

static json_t *
describe_snapshot(const struct diff *diff, size_t index)
{
	const struct history *history = diff->history;
	const struct model *model = history->snapshots[index];
	const struct header *header = &model->header;
	json_t *object = json_object();
	struct amount live;

	jsonval_set_text(object, "file", model->file);
	jsonval_set_count(object, "sequence", header->sequence);
	jsonval_set_text(object, "trigger", trigger_name(header->trigger));
	jsonval_set_count(object, "wall_ns", header->wall_ns);
	jsonval_set_real(object, "elapsed_s",
			 seconds_since(base_ns(history),
				       history_time_ns(header)));
	jsonval_set_boolean(object, "truncated", model->truncated);
	if (find_live(diff, index, &live)) {
		jsonval_set_integer(object, "live_bytes", live.bytes);
		jsonval_set_integer(object, "live_objects", live.objects);
	} else {
		jsonval_set_text(object, "live_bytes", NULL);
		jsonval_set_text(object, "live_objects", NULL);
	}
	if (model->ledger.present) {
		jsonval_set_count(object, "threads",
				  model->ledger.thread_count);
		jsonval_set_integer(object, "rss_bytes",
				    model->ledger.bytes[LEDGER_rss]);
	} else {
		jsonval_set_text(object, "threads", NULL);
		jsonval_set_text(object, "rss_bytes", NULL);
	}
	return object;
}

static json_t *
describe_snapshots(const struct diff *diff)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < diff->snapshot_count; i++)
		json_array_append_new(list, describe_snapshot(diff, i));
	return list;
}

static json_t *
describe_mark(const struct history *history, const struct header *header,
	      const struct mark *mark)
{
	json_t *object = json_object();

	jsonval_set_text(object, "text", mark->text);
	jsonval_set_count(object, "wall_ns", mark->wall_ns);
	jsonval_set_real(
		object, "elapsed_s",
		seconds_since(base_ns(history),
			      mark->monotonic_ns - header->start_monotonic_ns));
	return object;
}

/* A snapshot has the last marks of its process only, so those of all snapshots
 * are joined: of each what is newer than what was met. */
static json_t *
describe_marks(const struct diff *diff)
{
	const struct history *history = diff->history;
	json_t *list = json_array();
	uint64_t newest = 0;
	size_t i;
	uint32_t k;

	for (i = 0; i < diff->snapshot_count; i++) {
		const struct model *model = history->snapshots[i];

		if (!diff->same_process)
			newest = 0;
		for (k = 0; k < model->mark_count; k++) {
			const struct mark *mark = &model->marks[k];

			if (mark->monotonic_ns <= newest ||
			    mark->monotonic_ns <
				    model->header.start_monotonic_ns)
				continue;
			newest = mark->monotonic_ns;
			json_array_append_new(
				list,
				describe_mark(history, &model->header, mark));
		}
	}
	return list;
}

static json_t *
describe_points(const struct diff *diff)
{
	const struct history *history = diff->history;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < diff->point_count; i++)
		json_array_append_new(
			list, jsonval_real(seconds_since(
				      base_ns(history), history->times_ns[i])));
	return list;
}

/* --- processes -------------------------------------------------------------- */

static void
set_process(json_t *object, const struct study_part *part)
{
	const struct header *header = &part->diff->new_model->header;
	struct strbuf name = { 0 };
	json_t *argv = json_array();
	uint32_t i;

	process_name(&name, header, false);
	jsonval_set_text(object, "name", strbuf_text(&name));
	strbuf_release(&name);
	jsonval_set_name(object, "host", header->host);
	jsonval_set_name(object, "boot_id", header->boot_id);
	jsonval_set_count(object, "pid", header->pid);
	jsonval_set_name(object, "exe", header->exe);
	for (i = 0; i < header->argv_count; i++)
		json_array_append_new(argv, jsonval_text(header->argv[i]));
	jsonval_set(object, "argv", argv);
	jsonval_set_name(object, "build_id", part->build_id);
	jsonval_set_count(object, "start_wall_ns", header->start_wall_ns);
}

static json_t *
describe_tally(const struct select_tally *tally)
{
	json_t *object = json_object();

	jsonval_set_integer(object, "sites", (int64_t)tally->sites);
	jsonval_set_integer(object, "delta_bytes", tally->delta_bytes);
	jsonval_set_integer(object, "delta_objects", tally->delta_objects);
	jsonval_set_integer(object, "live_bytes", tally->live_bytes);
	jsonval_set_integer(object, "live_objects", tally->live_objects);
	return object;
}

static json_t *
describe_hidden(const struct diff *diff, enum row_kind kind, size_t top)
{
	static const char *const names[FATE_COUNT] = {
		[FATE_SUPPRESSED] = "suppressed",
		[FATE_ACCEPTED] = "baseline",
		[FATE_FILTERED] = "filtered",
		[FATE_SMALL] = "small",
	};
	json_t *object = json_object();
	struct select_hidden hidden;
	unsigned int fate;

	select_hidden(diff, kind, top, &hidden);
	for (fate = FATE_LISTED + 1; fate < FATE_COUNT; fate++)
		jsonval_set(object, names[fate],
			    describe_tally(&hidden.by_fate[fate]));
	jsonval_set(object, "beyond_top", describe_tally(&hidden.beyond_top));
	return object;
}

static json_t *
describe_totals(const struct diff *diff)
{
	static const char *const names[] = {
		[ROW_HEAP] = "heap",
		[ROW_THREAD] = "thread",
	};
	json_t *object = json_object();
	unsigned int kind;

	for (kind = 0; kind < ROW_LEDGER; kind++) {
		json_t *amounts = json_object();

		json_rows_set_amounts(amounts, &diff->totals[kind]);
		jsonval_set(object, names[kind], amounts);
	}
	return object;
}

static json_t *
describe_losses(const struct losses *losses)
{
	json_t *object = json_object();

#define X(name, words) jsonval_set_count(object, #name, losses->name);
	LOSSES(X)
#undef X
	jsonval_set_count(object, "thinning_shift", losses->thinning_shift);
	jsonval_set_name(object, "disabled_because", losses->disabled_because);
	return object;
}

/* Sentences as lines. */
json_t *
json_process_lines(struct strbuf *lines)
{
	json_t *list = json_array();
	char *line = lines->data;
	char *end;

	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		json_array_append_new(list, jsonval_text(line));
	}
	return list;
}

json_t *
json_process_headline(const struct report *report, const struct diff *diff)
{
	struct report one = *report;
	struct strbuf lines = { 0 };
	json_t *list;

	one.diff = diff;
	headline(&lines, &one);
	list = json_process_lines(&lines);
	strbuf_release(&lines);
	return list;
}

json_t *
json_process(struct json_rows *rows, const struct study_part *part)
{
	const struct report *report = rows->report;
	const struct diff *diff = part->diff;
	json_t *object = json_object();

	rows->diff = diff;
	set_process(object, part);
	jsonval_set(object, "headline", json_process_headline(report, diff));
	jsonval_set_boolean(object, "same_process", diff->same_process);
	jsonval_set_boolean(object, "reversed", diff->reversed);
	jsonval_set_boolean(object, "estimated", diff->estimated);
	jsonval_set_count(object, "sample_bytes",
			  diff->new_model->header.sample_bytes);
	jsonval_set(object, "snapshots", describe_snapshots(diff));
	jsonval_set(object, "marks", describe_marks(diff));
	jsonval_set(object, "points_s", describe_points(diff));
	jsonval_set(object, "totals", describe_totals(diff));
	jsonval_set(object, "ledger", json_rows_ledger(rows));
	jsonval_set(object, "hidden",
		    describe_hidden(diff, ROW_HEAP, report->top));
	jsonval_set(object, "hidden_threads",
		    describe_hidden(diff, ROW_THREAD, report->top));
	jsonval_set_count(object, "not_compared",
			  diff->not_compared[ROW_HEAP] +
				  diff->not_compared[ROW_THREAD]);
	jsonval_set(object, "losses",
		    describe_losses(&diff->new_model->losses));
	return object;
}
