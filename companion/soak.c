#include "soak_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "soak_children.h"
#include "target.h"

#define EVIDENCE_LINES 5

/* --- the order ---------------------------------------------------------------- */

static void
forget_tallies(struct soak_run *run)
{
	size_t i;

	for (i = 0; i < run->scenario->step_count; i++) {
		step_result_release(&run->tallies[i].result);
		run->tallies[i] = (struct soak_tally){ 0 };
	}
}

static int
warm_up(struct soak *soak)
{
	const struct scenario_span *span = &soak->scenario->warmup;
	double end = soak_children_now() + span->seconds;
	uint64_t ignored = 0, done = 0;

	while ((done < span->iterations || soak_children_now() < end) &&
	       !soak_children_stops()) {
		if (soak_iterate(soak, &ignored))
			return -1;
		done++;
	}
	forget_tallies(soak->run);
	return 0;
}

static bool
is_due(const struct soak *soak)
{
	const struct scenario_span *every = &soak->scenario->every;

	if (every->iterations)
		return soak->run->iterations - soak->last_shot_iteration >=
		       every->iterations;
	return soak_children_now() - soak->last_shot_s >= every->seconds;
}

static int
work(struct soak *soak)
{
	const struct scenario *scenario = soak->scenario;
	struct soak_run *run = soak->run;
	double end = scenario->iterations
			     ? HUGE_VAL
			     : soak_children_now() + scenario->duration_s;
	uint64_t units;
	int result;

	while (!soak_children_stops() && soak_children_now() < end &&
	       (!scenario->iterations ||
		run->iterations < scenario->iterations)) {
		units = 0;
		soak->at_work = true;
		result = soak_iterate(soak, &units);
		/* What was done counts, also of an iteration cut short. */
		run->units += units;
		if (result)
			return -1;
		soak->at_work = false;
		if (soak_children_stops())
			return 0;
		run->iterations++;
		run->units += !strcmp(scenario->unit, "iteration");
		if (is_due(soak)) {
			if (soak_shoot(soak))
				return -1;
			soak_roll(soak);
		}
	}
	return 0;
}

static int
start_target(struct soak *soak)
{
	const struct scenario *scenario = soak->scenario;
	struct strbuf name = { 0 };
	struct err err;

	if (soak_target_start(&soak->target, scenario, soak->target_log, &err))
		return soak_fail(soak, "start", err.text);
	/* Before it is chosen: a daemon's parent has ended then. */
	if (soak_wait_ready(soak, scenario->timeout_s, &err))
		return soak_fail(soak, "ready", err.text);
	if (soak_target_choose(&soak->target, scenario->timeout_s, &err))
		return soak_fail(soak, "start", err.text);
	if (soak_children_stops())
		return 0;
	strbuf_addf(&name, "%s, pid %d", soak->target.name,
		    (int)soak->target.main);
	soak->run->target = strbuf_detach(&name);
	soak_tell(soak, false, "main process: %s", soak->run->target);
	return 0;
}

static bool
was_asked_to_end(void *context)
{
	(void)context;
	return soak_children_stops();
}

/* Before there is a target, and after. `should_stop` as in soak_command.h. */
static int
run_plain(struct soak *soak, const char *text, const char *at,
	  bool (*should_stop)(void *context))
{
	struct soak_command command = soak_command_of(soak);
	struct err err;

	if (!text)
		return 0;
	command.should_stop = should_stop;
	command.iteration = soak->run->iterations;
	if (soak_command_run(&command, text, soak->scenario->timeout_s, &err))
		return soak_fail(soak, at, err.text);
	return 0;
}

static int
do_all(struct soak *soak)
{
	int result;
	size_t i;

	if (run_plain(soak, soak->scenario->setup, "setup", was_asked_to_end) ||
	    soak_children_stops() || start_target(soak) || warm_up(soak))
		return -1;
	soak->begin = soak_children_now();
	if (soak_children_stops() || soak_shoot(soak))
		return -1;
	soak->begin = soak->last_shot_s;
	for (i = 0; i < soak->run->shots.count; i++)
		soak->run->shots.list[i].moment.elapsed_s = 0;
	result = work(soak);
	soak->run->elapsed_s = soak_children_now() - soak->begin;
	if (!result && soak->run->iterations > soak->last_shot_iteration)
		result = soak_shoot(soak);
	return result;
}

static void
end_target(struct soak *soak)
{
	struct strbuf how = { 0 }, tail = { 0 };

	soak_look_for_deaths(soak, true);
	soak_deaths_end(&soak->run->deaths);
	/* It may have ended since the last snapshot. */
	if (soak->target.main && soak_target_is_gone(&soak->target, NULL))
		soak_fail_working(soak, "end", NULL);
	if (soak_target_end(&soak->target, &how)) {
		strbuf_adds(&how, " when it was told to end");
		soak_fail(soak, "end", strbuf_text(&how));
	}
	if ((soak->run->failure || soak->run->deaths.crashed) &&
	    soak->target.child) {
		soak_log_tail(soak->target_log, EVIDENCE_LINES, &tail);
		soak->run->last_lines = strbuf_detach(&tail);
	}
	strbuf_release(&how);
	strbuf_release(&tail);
	soak->target.main = 0;
}

/* --- its files ---------------------------------------------------------------- */

static int
make_directory(const char *path, mode_t mode, struct err *err)
{
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return err_set(err, ERR_WRITE, "cannot make '%s': %s", path,
			       strerror(errno));
	if (mode && chmod(path, mode) < 0)
		return err_set(err, ERR_WRITE, "cannot make '%s': %s", path,
			       strerror(errno));
	return 0;
}

static struct soak_log *
open_log(const struct soak *soak, const char *name, struct err *err)
{
	struct strbuf path = { 0 };
	struct soak_log *log;

	strbuf_addf(&path, "%s/%s", soak->scenario->out, name);
	log = soak_log_open(strbuf_text(&path), err);
	strbuf_release(&path);
	return log;
}

static int
open_files(struct soak *soak, struct err *err)
{
	const struct scenario *scenario = soak->scenario;
	struct strbuf path = { 0 };
	int result = make_directory(scenario->out, 0, err);
	char *text;

	/* A daemon that root starts may write as another user. */
	strbuf_addf(&path, "%s/snapshots", scenario->out);
	if (!result)
		result = make_directory(strbuf_text(&path),
					geteuid() ? 0 : 01777, err);
	strbuf_release(&path);
	if (result)
		return result;
	text = json_dumps(scenario->json, JSON_INDENT(2));
	/* A value that is no UTF-8, or no memory. */
	if (!text)
		return err_set(err, ERR_STEP,
			       "cannot write scenario.json: the scenario is no "
			       "JSON text");
	result = soak_write_text(soak, "scenario.json", text, err);
	free(text);
	if (result)
		return result;
	soak->target_log = open_log(soak, "target.log", err);
	if (soak->target_log)
		soak->command_log = open_log(soak, "commands.log", err);
	if (soak->command_log)
		soak->own_log = open_log(soak, "soak.log", err);
	return soak->own_log ? 0 : -1;
}

/* What was to be done was not done: that nothing was found until then is no
 * pass. One that runs for ever has no other end. */
static void
doubt_stopped(struct soak_run *run)
{
	struct soak_verdict *verdict = &run->verdict;

	if (!run->stopped || isinf(run->scenario->duration_s) || !run->judged ||
	    verdict->outcome != GATE_PASSED)
		return;
	verdict->outcome = GATE_UNSURE;
	strbuf_clear(&verdict->lines);
	strbuf_adds(&verdict->lines, "gate: not enough evidence: a signal "
				     "ended it before all was done\n");
}

static void
tell_left(struct soak *soak, size_t count)
{
	struct strbuf line = { 0 };

	if (!count)
		return;
	strbuf_addf(&line,
		    "%zu process%s could not be ended, and may still run\n",
		    count, count == 1 ? "" : "es");
	soak_note_lines(soak, &line);
	strbuf_release(&line);
}

static void
close_files(struct soak *soak)
{
	soak_log_close(soak->target_log);
	soak_log_close(soak->command_log);
	soak_log_close(soak->own_log);
	soak->own_log = NULL;
}

void
soak_run(struct soak_run *out, const struct scenario *scenario,
	 struct soak_judge *how, const struct soak_ear *ear)
{
	struct soak soak = {
		.run = out,
		.scenario = scenario,
		.judge = how,
		.ear = ear,
		.born = soak_children_now(),
	};
	pid_t main;
	struct err err;

	*out = (struct soak_run){
		.scenario = scenario,
		.tallies = xcalloc(scenario->step_count + 1,
				   sizeof(*out->tallies)),
	};
	soak.told = xcalloc(SOAK_TOLD_MAX, sizeof(*soak.told));
	if (open_files(&soak, &err)) {
		soak_fail(&soak, "start", err.text);
	} else {
		do_all(&soak);
		main = soak.target.main;
		out->stopped = soak_children_stops() && !out->failure;
		end_target(&soak);
		run_plain(&soak, scenario->teardown, "teardown", NULL);
		tell_left(&soak, soak_children_end(0, 0, NULL));
		/* What was killed left its status file. */
		target_sweep();
		soak.target.main = main;
		if (out->shots.count)
			soak_judge_now(&soak, true);
		doubt_stopped(out);
		soak_write_table(&soak);
	}
	close_files(&soak);
	while (soak.told_count)
		free(soak.told[--soak.told_count]);
	free(soak.told);
}

void
soak_run_release(struct soak_run *run)
{
	if (run->tallies)
		forget_tallies(run);
	free(run->tallies);
	free(run->failure);
	free(run->failed_at);
	free(run->last_lines);
	free(run->target);
	free(run->judge_failure);
	strbuf_release(&run->notes);
	soak_deaths_end(&run->deaths);
	soak_shots_release(&run->shots);
	if (run->judged)
		soak_verdict_release(&run->verdict);
	*run = (struct soak_run){ 0 };
}
