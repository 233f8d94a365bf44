#include "charts.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "../analyzer/report_json.h"
#include "../analyzer/xalloc.h"
#include "chart.h"
#include "cond.h"
#include "workers.h"

#define REPORT_TOP 10
/* How long a process's turn is waited for before the next one has his. A point
 * takes some milliseconds, a comparison of many stacks seconds. */
#define SAMPLE_NS 100000000
#define COMPARE_NS 2000000000

struct charts {
	struct serve *serve;
	unsigned int interval_s;
	/* Who hangs has one of these to himself. */
	struct workers *samplers;
	struct workers *painters;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* with lock: stopping, and a turn's end */
	bool stopping;          /* guard: lock */
	pthread_t sampler;
	pthread_t painter;
};

/* Sleeps until a moment of CLOCK_MONOTONIC. False: it is over. */
static bool
sleep_until(struct charts *charts, uint64_t until_ns)
{
	bool stopping;

	pthread_mutex_lock(&charts->lock);
	while (!charts->stopping &&
	       cond_wait(&charts->changed, &charts->lock, until_ns))
		;
	stopping = charts->stopping;
	pthread_mutex_unlock(&charts->lock);
	return !stopping;
}

/* --- turns --------------------------------------------------------------- */

/*
 * One process's turn. They are taken one after the other, so that few threads
 * are needed and a machine is not busy with all of them at once; but no turn is
 * waited for longer than its patience: one that hangs is left to its thread,
 * and has no further turn before that is through.
 */
struct turn {
	struct charts *charts;
	struct served_process *process; /* held */
	void (*take)(const struct charts *charts,
		     struct served_process *process);
	bool *is_taken; /* of its chart */
	bool is_over;   /* guard: charts->lock */
	bool is_left;   /* guard: charts->lock; frees itself */
};

static void
end_turn(struct turn *turn)
{
	struct chart *chart = turn->process->chart;

	pthread_mutex_lock(&chart->lock);
	*turn->is_taken = false;
	pthread_mutex_unlock(&chart->lock);
	served_put(turn->process);
}

static void
take_turn(void *as_turn)
{
	struct turn *turn = as_turn;
	struct charts *charts = turn->charts;
	bool is_left;

	turn->take(charts, turn->process);
	end_turn(turn);
	pthread_mutex_lock(&charts->lock);
	turn->is_over = true;
	is_left = turn->is_left;
	pthread_cond_broadcast(&charts->changed);
	pthread_mutex_unlock(&charts->lock);
	if (is_left)
		free(turn);
}

static bool
begin_turn(struct turn *turn)
{
	struct chart *chart = turn->process->chart;
	bool is_free;

	pthread_mutex_lock(&chart->lock);
	is_free = !*turn->is_taken;
	*turn->is_taken = true;
	pthread_mutex_unlock(&chart->lock);
	return is_free;
}

/* Until it is over, or its patience is. */
static void
wait_for_turn(struct turn *turn, uint64_t patience_ns)
{
	struct charts *charts = turn->charts;
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + patience_ns;
	bool is_over;

	pthread_mutex_lock(&charts->lock);
	while (!turn->is_over && !charts->stopping &&
	       cond_wait(&charts->changed, &charts->lock, until_ns))
		;
	is_over = turn->is_over;
	turn->is_left = !is_over;
	pthread_mutex_unlock(&charts->lock);
	if (is_over)
		free(turn);
}

/* `like` says whose and which; its process is given back. */
static void
give_turn(struct workers *workers, const struct turn *like,
	  uint64_t patience_ns)
{
	struct turn *turn;

	if (!begin_turn(&(struct turn){ .process = like->process,
					.is_taken = like->is_taken })) {
		served_put(like->process);
		return;
	}
	turn = xcalloc(1, sizeof(*turn));
	*turn = *like;
	if (workers_give(workers, take_turn, turn)) {
		wait_for_turn(turn, patience_ns);
	} else {
		end_turn(turn);
		free(turn);
	}
}

/* --- the sampler --------------------------------------------------------- */

static void
sample(const struct charts *charts, struct served_process *process)
{
	unsigned int max_age_s = charts->interval_s;
	struct pulse pulse;

	if (!chart_is_watched(process->chart) && max_age_s < CHARTS_QUIET_S)
		max_age_s = CHARTS_QUIET_S;
	/* Half an interval early, or every other one would be left out. */
	if (pulse_take(process, max_age_s * 1000 - charts->interval_s * 500,
		       &pulse) == 0)
		chart_add(process->chart, &pulse);
}

static void *
run_sampler(void *as_charts)
{
	struct charts *charts = as_charts;
	struct served_process *all[SERVED_MAX];
	uint64_t step = charts->interval_s * 1000000000ull;
	uint64_t next = clock_ns(CLOCK_MONOTONIC);
	size_t i, count;

	do {
		count = served_all(charts->serve->served, all);
		for (i = 0; i < count; i++) {
			const struct turn turn = {
				.charts = charts,
				.process = all[i],
				.take = sample,
				.is_taken = &all[i]->chart->is_sampled,
			};

			give_turn(charts->samplers, &turn, SAMPLE_NS);
		}
		next += step;
		/* After a suspended machine there is nothing to make up. */
		if (next < clock_ns(CLOCK_MONOTONIC))
			next = clock_ns(CLOCK_MONOTONIC) + step;
	} while (sleep_until(charts, next));
	return NULL;
}

/* --- the painter --------------------------------------------------------- */

/* The album's scrapes, held, and one more at the end. */
struct pages {
	struct scrape *scrape[ALBUM_MAX + 1];
	const char *file[ALBUM_MAX + 1];
	size_t count;
};

static void
pages_add(struct pages *pages, struct scrape *take)
{
	pages->scrape[pages->count] = take;
	pages->file[pages->count++] = scrape_file(take);
}

static void
pages_release(struct pages *pages)
{
	while (pages->count)
		scrape_put(pages->scrape[--pages->count]);
}

/* What the painter makes of a study. */
struct painting {
	struct ledger ledger;
	struct strbuf report;
};

static int
paint(const struct study *study, void *as_painting, struct err *err)
{
	struct painting *painting = as_painting;
	const struct report report = {
		.study = study,
		.diff = study->parts[0].diff,
		.resolver = study->resolver,
		.top = REPORT_TOP,
	};
	json_t *document = report_json_build(&report);
	char *text = json_dumps(
		document,
		JSON_COMPACT | JSON_REAL_PRECISION(REPORT_JSON_DIGITS));

	json_decref(document);
	if (!text)
		return err_set(err, ERR_STEP, "no memory for a report");
	strbuf_adds(&painting->report, text);
	free(text);
	painting->ledger = report.diff->new_model->ledger;
	return 0;
}

/* A new scrape goes into the album if that wants one. */
static void
collect(struct chart *chart, struct scrape *take_new, struct pages *pages)
{
	size_t i;

	pthread_mutex_lock(&chart->lock);
	for (i = 0; i < chart->album.count; i++)
		pages_add(pages, scrape_hold(chart->album.scrapes[i]));
	if (album_wants(&chart->album, scrape_wall_ns(take_new)))
		album_add(&chart->album, scrape_hold(take_new));
	pthread_mutex_unlock(&chart->lock);
	pages_add(pages, take_new);
}

static void
compare(const struct charts *charts, struct served_process *process)
{
	struct painting painting = { .report = { 0 } };
	struct pages pages = { .count = 0 };
	struct chart *chart = process->chart;
	struct scrape *scrape;
	struct err err;
	uint64_t wall_ns, took_ns;

	scrape = scrape_take(process, false, &err);
	if (!scrape) {
		/* Not before the next turn. */
		chart_miss_report(chart);
		return;
	}
	wall_ns = scrape_wall_ns(scrape);
	took_ns = scrape_took_ns(scrape);
	collect(chart, scrape, &pages);
	if (analysis_study(charts->serve->analysis, pages.file, pages.count,
			   GROUP_FUNCTION, paint, &painting, NULL, &err) == 0) {
		chart_set_report(chart, painting.report, &painting.ledger,
				 wall_ns, took_ns);
	} else {
		strbuf_release(&painting.report);
		chart_miss_report(chart);
	}
	pages_release(&pages);
}

static bool
is_due(struct served_process *process)
{
	struct chart *chart = process->chart;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t pause = CHARTS_REPORT_S * 1000000000ull;
	bool due;

	if (served_is_silent(process))
		return false;
	pthread_mutex_lock(&chart->lock);
	if (chart->report_took_ns * CHARTS_REPORT_PART > pause)
		pause = chart->report_took_ns * CHARTS_REPORT_PART;
	due = !chart->report_ns ||
	      (now - chart->report_ns >= pause &&
	       (chart->stream_count ||
		album_wants(&chart->album, clock_ns(CLOCK_REALTIME))));
	pthread_mutex_unlock(&chart->lock);
	return due;
}

static void *
run_painter(void *as_charts)
{
	struct charts *charts = as_charts;
	struct served_process *all[SERVED_MAX];
	size_t i, count;

	do {
		count = served_all(charts->serve->served, all);
		for (i = 0; i < count; i++) {
			const struct turn turn = {
				.charts = charts,
				.process = all[i],
				.take = compare,
				.is_taken = &all[i]->chart->is_compared,
			};

			if (is_due(all[i]))
				give_turn(charts->painters, &turn, COMPARE_NS);
			else
				served_put(all[i]);
		}
	} while (sleep_until(charts, clock_ns(CLOCK_MONOTONIC) + 500000000u));
	return NULL;
}

/* --- beginning and end --------------------------------------------------- */

struct charts *
charts_start(struct serve *serve, unsigned int interval_s, struct err *err)
{
	struct charts *charts = xcalloc(1, sizeof(*charts));

	charts->serve = serve;
	charts->interval_s = interval_s;
	charts->samplers = workers_new(SERVED_MAX);
	charts->painters = workers_new(SERVED_MAX);
	pthread_mutex_init(&charts->lock, NULL);
	cond_init(&charts->changed);
	errno = pthread_create(&charts->sampler, NULL, run_sampler, charts);
	if (!errno) {
		errno = pthread_create(&charts->painter, NULL, run_painter,
				       charts);
		if (!errno)
			return charts;
		pthread_mutex_lock(&charts->lock);
		charts->stopping = true;
		pthread_cond_broadcast(&charts->changed);
		pthread_mutex_unlock(&charts->lock);
		pthread_join(charts->sampler, NULL);
	}
	err_set(err, ERR_STEP, "cannot start a thread: %s", strerror(errno));
	workers_free(charts->samplers);
	workers_free(charts->painters);
	free(charts);
	return NULL;
}

void
charts_stop(struct charts *charts)
{
	if (!charts)
		return;
	pthread_mutex_lock(&charts->lock);
	charts->stopping = true;
	pthread_cond_broadcast(&charts->changed);
	pthread_mutex_unlock(&charts->lock);
	pthread_join(charts->sampler, NULL);
	pthread_join(charts->painter, NULL);
	workers_free(charts->samplers);
	workers_free(charts->painters);
	pthread_cond_destroy(&charts->changed);
	pthread_mutex_destroy(&charts->lock);
	free(charts);
}
