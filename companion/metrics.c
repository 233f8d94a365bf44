#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#include "../analyzer/classes.h"
#include "../analyzer/clock.h"
#include "../analyzer/facts.h"
#include "../analyzer/xalloc.h"
#include "pulse.h"
#include "scrape.h"
#include "workers.h"

/* Older totals than this are asked for anew. */
#define MAX_AGE_MS 1000

#define LOSSES_NAME "leakshim_losses_total"

enum metric_type { COUNTER, GAUGE };

/* One process, and what its lines are labelled with. */
struct source {
	struct served_process *process; /* held */
	struct pulse pulse;
	bool has_ended;
	struct scrape *scrape; /* held; NULL: it has none */
	char *labels;          /* "" or `pid="1",exe="x"`; owned */
};

struct metric {
	const char *name;
	enum metric_type type;
	const char *help;
	/* False: this process has no such value now. */
	bool (*value)(const struct pulse *pulse, double *value);
};

/* --- values -------------------------------------------------------------- */

#define VALUE(name, expression)                                                \
	static bool name(const struct pulse *pulse, double *value)             \
	{                                                                      \
		*value = (double)(expression);                                 \
		return true;                                                   \
	}
#define TOTAL(name, field)                                                     \
	static bool name(const struct pulse *pulse, double *value)             \
	{                                                                      \
		*value = (double)pulse->totals.field;                          \
		return pulse->totals.counted;                                  \
	}

VALUE(cpu_s, pulse->cpu_s)
VALUE(start_s, pulse->start_s)
VALUE(rss_bytes, pulse->usage.rss_bytes)
VALUE(swap_bytes, pulse->usage.swap_bytes)
VALUE(virtual_bytes, pulse->virtual_bytes)
VALUE(descriptors, pulse->descriptors)
VALUE(threads, pulse->usage.threads)
VALUE(own_bytes, pulse->totals.own_bytes)
VALUE(writer_cpu_s, (double)pulse->totals.writer_cpu_ns / 1e9)
VALUE(longest_hold_s, (double)pulse->totals.longest_hold_ns / 1e9)
VALUE(snapshots, pulse->totals.snapshots)
TOTAL(live_bytes, live_bytes)
TOTAL(live_objects, live_objects)
TOTAL(alloc_bytes, alloc_bytes)
TOTAL(alloc_objects, alloc_objects)
TOTAL(free_bytes, free_bytes)
TOTAL(free_objects, free_objects)
TOTAL(threads_unjoined, threads_unjoined)

static bool
descriptors_max(const struct pulse *pulse, double *value)
{
	*value = (double)pulse->descriptors_max;
	return pulse->descriptors_max > 0;
}

static bool
counted_s(const struct pulse *pulse, double *value)
{
	*value = (double)pulse->totals.counted_ns / 1e9;
	return pulse->totals.counted;
}

static const struct metric metrics[] = {
	{ "process_cpu_seconds_total", COUNTER,
	  "User and system time of the process.", cpu_s },
	{ "process_start_time_seconds", GAUGE,
	  "Start of the process, since 1970.", start_s },
	{ "process_resident_memory_bytes", GAUGE, "Resident memory.",
	  rss_bytes },
	{ "process_virtual_memory_bytes", GAUGE, "Virtual memory.",
	  virtual_bytes },
	{ "process_open_fds", GAUGE, "Open file descriptors.", descriptors },
	{ "process_max_fds", GAUGE, "Limit of open file descriptors.",
	  descriptors_max },
	{ "process_threads", GAUGE, "Threads of the process.", threads },
	{ "process_swap_bytes", GAUGE, "Memory that is swapped out.",
	  swap_bytes },
	{ "leakshim_heap_inuse_bytes", GAUGE, "Bytes of live blocks.",
	  live_bytes },
	{ "leakshim_heap_inuse_objects", GAUGE, "Live blocks.", live_objects },
	{ "leakshim_alloc_bytes_total", COUNTER,
	  "Bytes allocated since tracking began.", alloc_bytes },
	{ "leakshim_allocs_total", COUNTER,
	  "Blocks allocated since tracking began.", alloc_objects },
	{ "leakshim_free_bytes_total", COUNTER,
	  "Bytes freed since tracking began.", free_bytes },
	{ "leakshim_frees_total", COUNTER, "Blocks freed since tracking began.",
	  free_objects },
	{ "leakshim_threads_unjoined", GAUGE,
	  "Threads that ended and were not joined.", threads_unjoined },
	{ "leakshim_totals_timestamp_seconds", GAUGE,
	  "When the heap was counted, since 1970.", counted_s },
	{ "leakshim_own_bytes", GAUGE,
	  "Memory of leakshim's tables in the process.", own_bytes },
	{ "leakshim_writer_cpu_seconds_total", COUNTER,
	  "Processor time that snapshots took.", writer_cpu_s },
	{ "leakshim_longest_hold_seconds", GAUGE,
	  "Longest time that leakshim held a thread of the process.",
	  longest_hold_s },
	{ "leakshim_snapshots_total", COUNTER,
	  "Snapshots written to files that stay.", snapshots },
};

#define METRIC_COUNT (sizeof(metrics) / sizeof(metrics[0]))

/* --- text ---------------------------------------------------------------- */

void
metrics_add_value(struct strbuf *out, const char *text)
{
	struct strbuf clean = { 0 };
	const char *at;

	strbuf_add_printable(&clean, text);
	for (at = strbuf_text(&clean); *at; at++) {
		if (*at == '\\' || *at == '"')
			strbuf_addc(out, '\\');
		strbuf_addc(out, *at);
	}
	strbuf_release(&clean);
}

static void
add_head(struct strbuf *out, const char *name, enum metric_type type,
	 const char *help)
{
	strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		    type == COUNTER ? "counter" : "gauge");
}

/* `more` are further labels, "" = none. */
static void
add_line(struct strbuf *out, const char *name, const char *labels,
	 const char *more, double value)
{
	const char *comma = *labels && *more ? "," : "";

	strbuf_adds(out, name);
	if (*labels || *more)
		strbuf_addf(out, "{%s%s%s}", labels, comma, more);
	strbuf_addf(out, " %.15g\n", value);
}

/* One series for each state, so that a change of it is one of a value. */
static void
add_states(struct strbuf *out, struct source *const *sources, size_t count)
{
	static const char name[] = "leakshim_state";
	static const char *const states[] = {
		[STATUS_ON] = "state=\"on\"",
		[STATUS_DORMANT] = "state=\"dormant\"",
		[STATUS_OFF] = "state=\"off\"",
	};
	size_t i, k;

	add_head(out, name, GAUGE,
		 "1 for what leakshim does in the process: on, dormant (not "
		 "started), off.");
	for (i = 0; i < count; i++) {
		const struct totals *totals = &sources[i]->pulse.totals;

		for (k = 0;
		     totals->is_read && k < sizeof(states) / sizeof(states[0]);
		     k++)
			add_line(out, name, sources[i]->labels, states[k],
				 totals->state == k);
	}
}

static void
add_loss(struct strbuf *out, const struct source *source, const char *kind,
	 uint64_t value)
{
	struct strbuf label = { 0 };

	strbuf_adds(&label, "kind=\"");
	metrics_add_value(&label, kind);
	strbuf_adds(&label, "\"");
	add_line(out, LOSSES_NAME, source->labels, strbuf_text(&label),
		 (double)value);
	strbuf_release(&label);
}

static bool
is_usual_loss(const char *kind)
{
	static const char *const usual[] = {
#define X(name, words) #name,
		LOSSES(X)
#undef X
	};
	size_t i;

	for (i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (!strcmp(usual[i], kind))
			return true;
	return false;
}

static uint64_t
loss_of(const struct totals *totals, const char *kind)
{
	size_t i;

	for (i = 0; i < totals->loss_count; i++)
		if (!strcmp(totals->losses[i].name, kind))
			return totals->losses[i].count;
	return 0;
}

/* A status file names what is not 0; a counter that was not there before its
 * first loss has no increase. */
static void
add_losses(struct strbuf *out, struct source *const *sources, size_t count)
{
	size_t i, k;

	add_head(out, LOSSES_NAME, COUNTER,
		 "What the counts above lack, by kind.");
	for (i = 0; i < count; i++) {
		const struct totals *totals = &sources[i]->pulse.totals;

		if (!totals->is_read)
			continue;
#define X(name, words) add_loss(out, sources[i], #name, loss_of(totals, #name));
		LOSSES(X)
#undef X
		for (k = 0; k < totals->loss_count; k++)
			if (!is_usual_loss(totals->losses[k].name))
				add_loss(out, sources[i],
					 totals->losses[k].name,
					 totals->losses[k].count);
	}
}

/* --- functions ----------------------------------------------------------- */

/* A function by its name: several modules may each have one that is called so,
 * and Prometheus takes a series once. */
struct function {
	const char *name; /* borrowed of the study */
	int64_t bytes;
	int64_t objects;
};

static int
by_name(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
by_bytes(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* All of a study, largest first; the caller frees them. */
static struct function *
collect_sites(const struct diff *diff, size_t *count)
{
	size_t i, rows = diff->count[ROW_HEAP];
	struct function *sites = xcalloc(rows + 1, sizeof(*sites));

	for (i = 0; i < rows; i++) {
		const struct row *row = &diff->rows[diff->first[ROW_HEAP] + i];

		sites[i] =
			(struct function){ row->label ? row->label : "unknown",
					   row->live_new.bytes,
					   row->live_new.objects };
	}
	qsort(sites, rows, sizeof(*sites), by_name);
	*count = 0;
	for (i = 0; i < rows; i++) {
		struct function *last = *count ? &sites[*count - 1] : NULL;

		if (last && !strcmp(last->name, sites[i].name)) {
			last->bytes += sites[i].bytes;
			last->objects += sites[i].objects;
		} else {
			sites[(*count)++] = sites[i];
		}
	}
	qsort(sites, *count, sizeof(*sites), by_bytes);
	return sites;
}

/* Lines for one process, of both metrics: Prometheus wants all lines of a
 * metric together. */
struct site_lines {
	const struct source *source;
	struct strbuf bytes;
	struct strbuf objects;
};

static int
add_site_lines(const struct study *study, void *as_lines, struct err *err)
{
	struct site_lines *lines = as_lines;
	struct strbuf label = { 0 };
	size_t i, count;
	struct function *sites = collect_sites(study->parts[0].diff, &count);

	(void)err;
	for (i = 0; i < count && i < METRICS_SITES_MAX; i++) {
		strbuf_clear(&label);
		strbuf_adds(&label, "function=\"");
		metrics_add_value(&label, sites[i].name);
		strbuf_adds(&label, "\"");
		add_line(&lines->bytes, "leakshim_function_inuse_bytes",
			 lines->source->labels, strbuf_text(&label),
			 (double)sites[i].bytes);
		add_line(&lines->objects, "leakshim_function_inuse_objects",
			 lines->source->labels, strbuf_text(&label),
			 (double)sites[i].objects);
	}
	free(sites);
	strbuf_release(&label);
	return 0;
}

static void
add_sites(struct strbuf *out, struct serve *serve,
	  struct source *const *sources, size_t count)
{
	struct site_lines lines = { 0 };
	struct err err;
	const char *file;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!sources[i]->scrape)
			continue;
		lines.source = sources[i];
		file = scrape_file(sources[i]->scrape);
		if (analysis_study(serve->analysis, &file, 1, GROUP_FUNCTION,
				   add_site_lines, &lines, NULL, &err) < 0)
			strbuf_addf(out, "# no functions of process %d\n",
				    (int)sources[i]->process->pid);
	}
	add_head(out, "leakshim_function_inuse_bytes", GAUGE,
		 "Bytes of live blocks by function, the largest.");
	strbuf_adds(out, strbuf_text(&lines.bytes));
	add_head(out, "leakshim_function_inuse_objects", GAUGE,
		 "Live blocks by function, of the largest by bytes.");
	strbuf_adds(out, strbuf_text(&lines.objects));
	strbuf_release(&lines.bytes);
	strbuf_release(&lines.objects);
}

/* --- all ----------------------------------------------------------------- */

static char *
labels_of(const struct served_process *process)
{
	struct strbuf labels = { 0 };

	strbuf_addf(&labels, "pid=\"%d\",exe=\"", (int)process->pid);
	metrics_add_value(&labels, process->exe);
	strbuf_adds(&labels, "\"");
	return strbuf_detach(&labels);
}

static void
add_metric(struct strbuf *out, const struct metric *metric,
	   struct source *const *sources, size_t count)
{
	double value;
	size_t i;

	add_head(out, metric->name, metric->type, metric->help);
	for (i = 0; i < count; i++) {
		if (metric->value(&sources[i]->pulse, &value))
			add_line(out, metric->name, sources[i]->labels, "",
				 value);
	}
}

/* On a worker thread. */
static void
ask(void *as_source)
{
	struct source *source = as_source;
	struct err err;

	source->has_ended =
		pulse_take(source->process, MAX_AGE_MS, &source->pulse) < 0;
	/* Without one it has no lines for its functions. */
	if (!source->has_ended && !served_is_silent(source->process))
		source->scrape = scrape_take(source->process, false, &err);
}

static void
free_source(void *as_source)
{
	struct source *source = as_source;

	scrape_put(source->scrape);
	served_put(source->process);
	free(source->labels);
	free(source);
}

static struct source *
new_source(struct served_process *process)
{
	struct source *source = xcalloc(1, sizeof(*source));

	source->process = served_hold(process);
	return source;
}

/* Asks all at once: one that hangs is waited for as long as all are. Returns how
 * many there are; the caller frees them. */
static size_t
ask_all(struct serve *serve, struct served_process **all, size_t count,
	struct source **sources)
{
	bool done[SERVED_MAX];
	void *args[SERVED_MAX];
	size_t i, used = 0;

	for (i = 0; i < count; i++)
		args[i] = new_source(all[i]);
	workers_all(serve->askers, ask, free_source, args, done, count,
		    METRICS_WAIT_S * CLOCK_NS_PER_S);
	for (i = 0; i < count; i++) {
		struct source *source = done[i] ? args[i] : new_source(all[i]);

		if (!done[i])
			source->has_ended =
				pulse_glance(all[i], &source->pulse) < 0;
		if (source->has_ended) {
			free_source(source);
			continue;
		}
		source->labels = serve->labels ? labels_of(all[i])
					       : xstrdup("");
		sources[used++] = source;
	}
	return used;
}

void
metrics_reply(struct serve *serve, struct http_reply *reply)
{
	struct served_process *all[SERVED_MAX];
	struct source *sources[SERVED_MAX];
	size_t i, used, count = served_all(serve->served, all);

	used = ask_all(serve, all, count, sources);
	reply->type = "text/plain; version=0.0.4; charset=utf-8";
	for (i = 0; i < METRIC_COUNT; i++)
		add_metric(&reply->body, &metrics[i], sources, used);
	add_states(&reply->body, sources, used);
	add_losses(&reply->body, sources, used);
	add_sites(&reply->body, serve, sources, used);
	for (i = 0; i < used; i++)
		free_source(sources[i]);
	for (i = 0; i < count; i++)
		served_put(all[i]);
}
