/* The work of a soak: its steps, and the snapshots between them. */
#include "soak_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "soak_children.h"
#include "soak_ready.h"
#include "step_signals.h"

/* An iteration without steps. */
#define IDLE_S 1.0

/* --- what steps may use ------------------------------------------------------ */

void
soak_look_for_deaths(struct soak *soak, bool now)
{
	bool crowd_told = soak->run->deaths.crowd_told;
	struct strbuf lines = { 0 };

	if (!soak->target.main)
		return;
	soak_deaths_look(&soak->run->deaths, soak->target.main,
			 &soak->target.spare,
			 soak->run->iterations + soak->at_work, now, &lines);
	/* Deaths have their own place in the result. */
	if (soak->run->deaths.crowd_told != crowd_told)
		soak_note_lines(soak, &lines);
	else
		soak_tell_lines(soak, &lines);
	strbuf_release(&lines);
}

static bool
should_stop(void *context)
{
	struct soak *soak = context;

	soak_look_for_deaths(soak, false);
	return soak_children_stops() ||
	       soak_target_is_gone(&soak->target, NULL);
}

struct soak_command
soak_command_of(struct soak *soak)
{
	return (struct soak_command){
		.scenario = soak->scenario,
		.log = soak->command_log,
		.pid = soak->target.main,
		.iteration = soak->run->iterations + 1,
		.should_stop = should_stop,
		.context = soak,
	};
}

int
soak_run_command(void *context, const char *text, double timeout_s,
		 struct err *err)
{
	struct soak_command command = soak_command_of(context);

	return soak_command_run(&command, text, timeout_s, err);
}

int
soak_wait_ready(void *context, double timeout_s, struct err *err)
{
	struct soak *soak = context;
	struct soak_command command = soak_command_of(soak);

	if (!soak->scenario->ready)
		return 0;
	return soak_ready_wait(&command, soak->scenario->ready, timeout_s, err);
}

static size_t
list_tracked(void *context, pid_t *pids, size_t most)
{
	struct soak *soak = context;

	return soak_shots_tracked(soak->target.main, pids, most);
}

bool
soak_pause(void *context, double seconds)
{
	double end = soak_children_now() + seconds, left;

	while ((left = end - soak_children_now()) > 0) {
		if (should_stop(context))
			return false;
		soak_children_wait(left < 0.1 ? left : 0.1);
	}
	return !should_stop(context);
}

/* --- work ------------------------------------------------------------------- */

static int
run_step(struct soak *soak, size_t i, uint64_t *units)
{
	const struct scenario *scenario = soak->scenario;
	const struct step *step = &scenario->steps[i];
	const struct step_world world = {
		.pid = soak->target.main,
		.out = scenario->out,
		.timeout_s = scenario->timeout_s,
		.span_s = scenario->span_s,
		.should_stop = should_stop,
		.command = soak_run_command,
		.tracked = list_tracked,
		.pause = soak_pause,
		.wait_ready = soak_wait_ready,
		.context = soak,
	};
	struct soak_tally *tally = &soak->run->tallies[i];
	uint64_t before = tally->result.units;
	double begin = soak_children_now();
	struct strbuf at = { 0 };
	struct err err;
	int failed;

	failed = step_run(step, &world, &tally->result, &err);
	tally->runs++;
	tally->seconds += soak_children_now() - begin;
	if (step->unit && !strcmp(step->unit, scenario->unit))
		*units += tally->result.units - before;
	if (!failed && !soak_target_is_gone(&soak->target, NULL))
		return 0;
	strbuf_addf(&at, "%sstep %zu (%s)", soak->at_work ? "" : "warm-up, ",
		    i + 1, step->kind->name);
	soak_fail_working(soak, strbuf_text(&at), failed ? err.text : NULL);
	strbuf_release(&at);
	return -1;
}

/* All steps once. */
int
soak_iterate(struct soak *soak, uint64_t *units)
{
	const struct scenario *scenario = soak->scenario;
	uint64_t k;
	size_t i;

	if (!scenario->step_count && !soak_pause(soak, IDLE_S) &&
	    soak_target_is_gone(&soak->target, NULL))
		return soak_fail_working(soak, "waiting", NULL);
	for (i = 0; i < scenario->step_count; i++) {
		for (k = 0; k < scenario->steps[i].repeat; k++) {
			if (soak_children_stops())
				return 0;
			if (run_step(soak, i, units))
				return -1;
		}
	}
	return 0;
}

/* --- snapshots --------------------------------------------------------------- */

static int
prepare_snapshot(struct soak *soak, struct err *err)
{
	const char *what = soak->scenario->before_snapshot;
	int number;

	if (!what)
		return 0;
	if (soak_ready_is_url(what))
		return soak_ready_get(what, soak->scenario->timeout_s, 400,
				      err);
	if (strncmp(what, "signal:", 7) != 0)
		return soak_run_command(soak, what, soak->scenario->timeout_s,
					err);
	if (!step_signals_parse(what + 7, &number) ||
	    kill(soak->target.main, number))
		return err_set(err, ERR_STEP, "cannot send %s: %s", what,
			       strerror(errno));
	/* Its handler needs a moment. */
	soak_pause(soak, 0.1);
	return 0;
}

static int
trim(struct soak *soak, unsigned int timeout_s, struct err *err)
{
	struct strbuf lines = { 0 };
	int result = soak_shots_trim(soak->target.main, timeout_s, &lines, err);

	if (!soak->trim_told)
		soak_note_lines(soak, &lines);
	soak->trim_told |= lines.len > 0;
	strbuf_release(&lines);
	return result;
}

int
soak_shoot(struct soak *soak)
{
	const struct scenario *scenario = soak->scenario;
	unsigned int timeout_s = (unsigned int)ceil(scenario->timeout_s);
	struct soak_run *run = soak->run;
	struct soak_moment moment = { .iteration = run->iterations };
	struct strbuf lines = { 0 };
	struct err err;
	int result;

	if (!soak_pause(soak, scenario->settle_s) &&
	    soak_target_is_gone(&soak->target, NULL))
		return soak_fail_working(soak, "settling", NULL);
	if (prepare_snapshot(soak, &err))
		return soak_fail_working(soak, "before-snapshot", err.text);
	if (scenario->trim && trim(soak, timeout_s, &err))
		return soak_fail_working(soak, "trim", err.text);
	soak->target.may_change = false;
	soak_look_for_deaths(soak, true);
	moment.elapsed_s = soak_children_now() - soak->begin;
	if (!scenario->step_count)
		run->units = (uint64_t)moment.elapsed_s;
	moment.units = run->units;
	result = soak_shots_take(&run->shots, &moment, soak->target.main,
				 timeout_s, &lines, &err);
	soak_note_lines(soak, &lines);
	strbuf_release(&lines);
	if (result)
		return soak_fail_working(soak, "snapshot", err.text);
	soak->last_shot_s = soak_children_now();
	soak->last_shot_iteration = run->iterations;
	soak_tell(soak, true,
		  "iteration %" PRIu64 ", %" PRIu64 " %s%s, snapshot %zu",
		  run->iterations, run->units, scenario->unit,
		  run->units == 1 ? "" : "s", run->shots.rounds);
	return 0;
}
