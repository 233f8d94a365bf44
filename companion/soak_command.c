#include "soak_command.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "human.h"
#include "overlay.h"
#include "soak_children.h"
#include "trial.h"

#define EVIDENCE_LINES 3
/* From SIGTERM to SIGKILL. */
#define GRACE_S 2.0
/* How often a command is asked whether it shall stop. */
#define LOOK_S 0.1

extern char **environ;

/* --- environments ----------------------------------------------------------- */

struct env {
	char **list;
	size_t count;
	size_t capacity;
};

static bool
is_name(const char *entry, const char *name, size_t len)
{
	return !strncmp(entry, name, len) && entry[len] == '=';
}

/* Sets, or with `value` NULL removes. */
static void
set(struct env *env, const char *name, const char *value)
{
	size_t len = strlen(name), i;
	struct strbuf text = { 0 };

	for (i = 0; i < env->count && !is_name(env->list[i], name, len); i++)
		continue;
	if (i < env->count) {
		free(env->list[i]);
		env->list[i] = env->list[--env->count];
	}
	if (!value)
		return;
	strbuf_addf(&text, "%s=%s", name, value);
	env->list = xgrow(env->list, &env->capacity, env->count + 2,
			  sizeof(*env->list));
	env->list[env->count++] = strbuf_detach(&text);
}

static const char *
get(const struct env *env, const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < env->count; i++)
		if (is_name(env->list[i], name, len))
			return env->list[i] + len + 1;
	return NULL;
}

static void
set_pair(struct env *env, const char *pair)
{
	size_t len = strcspn(pair, "=");
	char *name = xstrdup(pair);

	name[len] = '\0';
	set(env, name, pair[len] ? pair + len + 1 : NULL);
	free(name);
}

static void
release_env(struct env *env)
{
	size_t i;

	for (i = 0; i < env->count; i++)
		free(env->list[i]);
	free(env->list);
}

static char **
finish(struct env *env)
{
	env->list = xgrow(env->list, &env->capacity, env->count + 1,
			  sizeof(*env->list));
	env->list[env->count] = NULL;
	return env->list;
}

void
soak_command_free_env(char **env)
{
	size_t i;

	for (i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

/* Ours with the scenario's over it. */
static void
begin_env(struct env *env, const struct scenario *scenario)
{
	char number[24];
	const char *key;
	json_t *value;
	size_t i;

	for (i = 0; environ[i]; i++)
		if (environ[i][0] != '=' && strchr(environ[i], '='))
			set_pair(env, environ[i]);
	json_object_foreach((json_t *)(uintptr_t)scenario->env, key, value)
	{
		set(env, key, json_string_value(value));
	}
	set(env, "LEAKSHIM_OUT", scenario->out);
	set(env, "LEAKSHIM_DIR", scenario->dir);
	snprintf(number, sizeof(number), "%" PRIu64, scenario->port);
	set(env, "LEAKSHIM_PORT", number);
	set(env, "LEAKSHIM_CONFIG", scenario->config);
}

/* Without the shim; what else is preloaded stays. */
static void
drop_shim(struct env *env)
{
	char *rest = overlay_strip(get(env, "LD_PRELOAD"));

	set(env, "LEAKSHIM", NULL);
	set(env, "LD_PRELOAD", rest);
	free(rest);
}

static char **
command_env(const struct soak_command *command)
{
	struct env env = { 0 };
	char number[24];
	size_t i;

	begin_env(&env, command->scenario);
	drop_shim(&env);
	if (command->pid > 0) {
		snprintf(number, sizeof(number), "%d", (int)command->pid);
		set(&env, "LEAKSHIM_PID", number);
		snprintf(number, sizeof(number), "%" PRIu64,
			 command->iteration);
		set(&env, "LEAKSHIM_ITERATION", number);
	}
	for (i = 0; command->extra && command->extra[i]; i++)
		set_pair(&env, command->extra[i]);
	return finish(&env);
}

/* The shim itself says whether the options are good. */
static int
try_options(const char *library, const char *options, struct err *err)
{
	struct strbuf said = { 0 };
	int result = trial_of_options(&said, library, options, err);

	if (!result && said.len) {
		said.data[strcspn(said.data, "\n")] = '\0';
		result = err_set(err, ERR_STEP, "bad options of the shim: %s",
				 strbuf_text(&said));
	}
	strbuf_release(&said);
	return result;
}

char **
soak_command_target_env(const struct scenario *scenario, const char *out,
			struct err *err)
{
	struct overlay_pair pairs[3];
	struct env env = { 0 };
	char *library = overlay_library(err);
	char *preload, *options, keep[24];
	size_t count = 0;
	int result;

	if (!library)
		return NULL;
	begin_env(&env, scenario);
	snprintf(keep, sizeof(keep), "%" PRIu64, scenario->keep);
	pairs[count++] = (struct overlay_pair){ "out", out };
	pairs[count++] = (struct overlay_pair){ "keep", keep };
	if (scenario->sample)
		pairs[count++] =
			(struct overlay_pair){ "sample", scenario->sample };
	preload = overlay_preload(get(&env, "LD_PRELOAD"), library);
	options = overlay_options(get(&env, "LEAKSHIM"), pairs, count);
	result = try_options(library, options, err);
	set(&env, "LD_PRELOAD", preload);
	set(&env, "LEAKSHIM", options);
	free(options);
	free(preload);
	free(library);
	if (!result)
		return finish(&env);
	release_env(&env);
	return NULL;
}

/* --- running ---------------------------------------------------------------- */

void
soak_command_add_status(struct strbuf *out, int status)
{
	char name[HUMAN_SIGNAL_BYTES];

	if (WIFSIGNALED(status)) {
		human_signal(name, (uint64_t)WTERMSIG(status));
		strbuf_addf(out, "signal SIG%s%s", name,
			    WCOREDUMP(status) ? " (core dumped)" : "");
	} else {
		strbuf_addf(out, "exit status %d", WEXITSTATUS(status));
	}
}

static int
complain(const struct soak_command *command, const char *text, const char *what,
	 struct err *err)
{
	struct strbuf tail = { 0 }, line = { 0 };

	soak_log_tail(command->log, EVIDENCE_LINES, &tail);
	strbuf_add_quoted(&line, text);
	err_set(err, ERR_STEP, "%s: %s%s%s", strbuf_text(&line), what,
		tail.len ? "; it said: " : "", strbuf_text(&tail));
	strbuf_release(&line);
	strbuf_release(&tail);
	return -1;
}

static void
end_session(pid_t pid, int number)
{
	double end = soak_children_now() + GRACE_S;
	int status;

	kill(-pid, number);
	while (!soak_children_ended(pid, &status) && soak_children_now() < end)
		soak_children_wait(LOOK_S);
}

/* Its whole session, so that no child of it is left. What became another user's
 * (sudo) may stay: it is not waited for. */
static void
end_command(pid_t pid)
{
	end_session(pid, SIGTERM);
	end_session(pid, SIGKILL);
}

static int
await(const struct soak_command *command, pid_t pid, const char *text,
      double timeout_s, struct err *err)
{
	double end = soak_children_now() + timeout_s;
	struct strbuf what = { 0 };
	int status, result;

	while (!soak_children_ended(pid, &status)) {
		double left = end - soak_children_now();

		if (command->should_stop &&
		    command->should_stop(command->context)) {
			end_command(pid);
			return 0;
		}
		if (left <= 0) {
			end_command(pid);
			strbuf_addf(&what, "timed out after %g s",
				    round(timeout_s * 1000) / 1000);
			break;
		}
		soak_children_wait(left < LOOK_S ? left : LOOK_S);
	}
	if (!what.len) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return 0;
		soak_command_add_status(&what, status);
	}
	result = complain(command, text, strbuf_text(&what), err);
	strbuf_release(&what);
	return result;
}

int
soak_command_run(const struct soak_command *command, const char *text,
		 double timeout_s, struct err *err)
{
	static char sh[] = "/bin/sh", option[] = "-c";
	char *copy = xstrdup(text);
	char *argv[] = { sh, option, copy, NULL };
	char **env = command_env(command);
	int result;
	pid_t pid;

	soak_log_mark(command->log);
	pid = soak_children_start(sh, argv, env, soak_log_fd(command->log));
	if (pid < 0) {
		result = err_set(err, ERR_STEP, "cannot run /bin/sh: %s",
				 strerror(errno));
	} else {
		soak_children_set_apart(pid);
		result = await(command, pid, text, timeout_s, err);
		soak_children_set_apart(0);
		soak_children_forget(pid);
	}
	soak_command_free_env(env);
	free(copy);
	return result;
}
