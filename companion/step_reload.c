/* reload: a signal or a command, then the target has to be ready again. */
#include "step.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "scenario_get.h"
#include "step_aim.h"
#include "step_signals.h"

/* A server that answered just before the signal came is not reloaded: it needs
 * a moment to take it. */
#define PAUSE_S 0.1

struct reload {
	int number; /* 0: by the command */
	char *command;
	double pause_s;
};

static void
release(void *step)
{
	struct reload *reload = step;

	free(reload->command);
	free(reload);
}

static int
parse(json_t *options, void **out, struct err *err)
{
	static const char *const known[] = { "signal", "command", "pause",
					     NULL };
	const char *name = NULL, *command = NULL;
	double pause_s = PAUSE_S;
	struct reload *reload;
	int number = 0;

	if (scenario_get_known(options, known, "a step of kind reload", err) ||
	    scenario_get_text(options, "signal", &name, err) ||
	    scenario_get_text(options, "command", &command, err) ||
	    scenario_get_seconds(options, "pause", &pause_s, err))
		return -1;
	if (!name == !command)
		return err_set(err, ERR_PATTERN,
			       "one of signal and command is wanted");
	if (name && !step_signals_parse(name, &number))
		return err_set(err, ERR_PATTERN, "signal: no signal '%s'",
			       name);
	reload = xcalloc(1, sizeof(*reload));
	reload->number = number;
	reload->command = command ? xstrdup(command) : NULL;
	reload->pause_s = pause_s;
	*out = reload;
	return 0;
}

/* Returns when it was taken: the workers of a master that hangs are ready all
 * the time. */
static int
send_signal(const struct step_world *world, int number, struct err *err)
{
	double end_s = clock_s() + world->timeout_s;
	struct step_aim aim;
	int result = step_aim_open(&aim, world->pid);

	if (!result) {
		result = step_aim_send(&aim, number);
		if (!result) {
			result = step_aim_await(&aim, step_aim_bit(number),
						world, end_s, err);
			step_aim_close(&aim);
			return result;
		}
		step_aim_close(&aim);
	}
	return err_set(err, ERR_STEP, "cannot signal process %d: %s",
		       (int)world->pid, strerror(errno));
}

static int
run(void *step, const struct step_world *world, struct step_result *result,
    struct err *err)
{
	const struct reload *reload = step;

	if (reload->command) {
		if (world->command(world->context, reload->command,
				   world->timeout_s, err))
			return -1;
	} else if (send_signal(world, reload->number, err)) {
		return -1;
	}
	result->units = 1;
	if (!world->pause(world->context, reload->pause_s))
		return 0;
	return world->wait_ready(world->context, world->timeout_s, err);
}

const struct step_kind step_reload = {
	.name = "reload",
	.main_key = "signal",
	.unit = "reload",
	.parse = parse,
	.run = run,
	.free = release,
};
