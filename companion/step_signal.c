/* signal: signals in turn, as fast as can be or at a rate. */
#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "human.h"
#include "scenario_get.h"
#include "step_aim.h"
#include "step_signals.h"

#define SIGNALS_MAX 64
#define COUNT_MAX 1000000000
#define RATE_MAX 1e6
#define PIDS_MAX 64
/* How many are sent between two looks at the clock and the world, and of those
 * that queue before they must be taken: fewer than any limit lets wait. */
#define BURST 64

struct barrage {
	int numbers[SIGNALS_MAX];
	size_t number_count;
	uint64_t count;
	double rate; /* per second; 0 = as fast as can be */
	bool to_all;
};

static int
take_signals(struct barrage *barrage, const json_t *options, struct err *err)
{
	json_t *list = NULL;
	const char *text;
	int result = 0;
	size_t i;

	if (scenario_get_list(options, "signals", SIGNALS_MAX, &list, err))
		return -1;
	if (!list)
		return err_set(err, ERR_PATTERN, "signals is missing");
	barrage->number_count = json_array_size(list);
	for (i = 0; i < barrage->number_count && !result; i++) {
		text = json_string_value(json_array_get(list, i));
		if (!step_signals_parse(text, &barrage->numbers[i]))
			result = err_set(err, ERR_PATTERN,
					 "signals: no signal '%s'", text);
	}
	json_decref(list);
	return result;
}

static int
take_others(struct barrage *barrage, const json_t *options, struct err *err)
{
	const char *to = "main";

	barrage->count = barrage->number_count;
	if (scenario_get_count(options, "count", 1, COUNT_MAX, &barrage->count,
			       err) ||
	    scenario_get_number(options, "rate", 0, RATE_MAX, &barrage->rate,
				err) ||
	    scenario_get_text(options, "to", &to, err))
		return -1;
	barrage->to_all = !strcmp(to, "all");
	if (!barrage->to_all && strcmp(to, "main") != 0)
		return err_set(err, ERR_PATTERN,
			       "to takes main or all, not '%s'", to);
	return 0;
}

static int
parse(json_t *options, void **out, struct err *err)
{
	static const char *const known[] = { "signals", "count", "rate", "to",
					     NULL };
	struct barrage *barrage;

	if (scenario_get_known(options, known, "a step of kind signal", err))
		return -1;
	barrage = xcalloc(1, sizeof(*barrage));
	if (take_signals(barrage, options, err) ||
	    take_others(barrage, options, err)) {
		free(barrage);
		return -1;
	}
	*out = barrage;
	return 0;
}

/* One run of the step. */
struct shooting {
	const struct barrage *barrage;
	const struct step_world *world;
	struct step_aim aims[PIDS_MAX]; /* main first */
	size_t aim_count;
	double begin_s;
	double end_s;
};

static int
aim_at_all(struct shooting *shooting, struct err *err)
{
	const struct step_world *world = shooting->world;
	pid_t pids[PIDS_MAX] = { world->pid };
	size_t count = 1, i;

	if (shooting->barrage->to_all)
		count = world->tracked(world->context, pids, PIDS_MAX);
	for (i = 0; i < count; i++)
		if (!step_aim_open(&shooting->aims[shooting->aim_count],
				   pids[i]))
			shooting->aim_count++;
	if (shooting->aim_count)
		return 0;
	return err_set(err, ERR_STEP,
		       count ? "the process has ended"
			     : "no process is tracked");
}

/* Until all have taken those of `set`, so that none is lost in the next. */
static int
await_all(const struct shooting *shooting, uint64_t set, struct err *err)
{
	size_t i;

	for (i = 0; i < shooting->aim_count; i++)
		if (step_aim_await(&shooting->aims[i], set, shooting->world,
				   shooting->end_s, err))
			return -1;
	return 0;
}

static int
send_one(const struct shooting *shooting, int number, struct err *err)
{
	char name[HUMAN_SIGNAL_BYTES];
	size_t i;

	/* Those that queue are looked after in shoot(). */
	if (number < SIGRTMIN && await_all(shooting, step_aim_bit(number), err))
		return -1;
	for (i = 0; i < shooting->aim_count; i++) {
		const struct step_aim *aim = &shooting->aims[i];

		/* Others than main come and go. */
		if (!step_aim_send(aim, number) ||
		    (aim->pid != shooting->world->pid && errno == ESRCH))
			continue;
		human_signal(name, (uint64_t)number);
		return err_set(err, ERR_STEP,
			       "cannot send SIG%s to process %d: %s", name,
			       (int)aim->pid, strerror(errno));
	}
	return 0;
}

static uint64_t
set_of(const struct barrage *barrage)
{
	uint64_t set = 0;
	size_t i;

	for (i = 0; i < barrage->number_count; i++)
		set |= step_aim_bit(barrage->numbers[i]);
	return set;
}

static int
shoot(const struct shooting *shooting, struct step_result *result,
      struct err *err)
{
	const struct barrage *barrage = shooting->barrage;
	const struct step_world *world = shooting->world;
	double due;
	uint64_t i;

	for (i = 0; i < barrage->count; i++) {
		if (i % BURST == 0 || barrage->rate > 0) {
			if (world->should_stop(world->context))
				return 0;
			if (clock_s() > shooting->end_s)
				return err_set(err, ERR_STEP,
					       "timed out after %g s",
					       world->timeout_s);
		}
		if (i && i % BURST == 0 &&
		    await_all(shooting, set_of(barrage), err))
			return -1;
		due = barrage->rate > 0
			      ? shooting->begin_s + (double)i / barrage->rate -
					clock_s()
			      : 0;
		if (due > 0 && !world->pause(world->context, due))
			return 0;
		if (send_one(shooting,
			     barrage->numbers[i % barrage->number_count], err))
			return -1;
		result->units++;
	}
	return await_all(shooting, set_of(barrage), err);
}

static int
run(void *step, const struct step_world *world, struct step_result *result,
    struct err *err)
{
	struct shooting shooting = {
		.barrage = step,
		.world = world,
		.begin_s = clock_s(),
	};
	int failed;

	shooting.end_s = shooting.begin_s + world->timeout_s;
	failed = aim_at_all(&shooting, err);
	if (!failed)
		failed = shoot(&shooting, result, err);
	while (shooting.aim_count)
		step_aim_close(&shooting.aims[--shooting.aim_count]);
	return failed;
}

const struct step_kind step_signal = {
	.name = "signal",
	.main_key = "signals",
	.unit = "signal",
	.parse = parse,
	.run = run,
	.free = free,
};
