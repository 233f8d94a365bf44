#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/parse.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "bell.h"
#include "pick.h"
#include "target.h"

int
cmd_fail(const struct err *err)
{
	fprintf(stderr, "leakshim: %s\n", err->text);
	return err->code == ERR_TARGET ? CMD_TARGET : CMD_FAILED;
}

static void __attribute__((format(printf, 1, 0)))
tell(const char *format, va_list args)
{
	fputs("leakshim: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int
cmd_usage(const char *verb, const char *format, ...)
{
	va_list args;

	if (format) {
		va_start(args, format);
		tell(format, args);
		va_end(args);
	}
	fprintf(stderr, "Try 'leakshim%s%s --help'.\n", verb ? " " : "",
		verb ? verb : "");
	return CMD_USAGE;
}

void
cmd_tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(format, args);
	va_end(args);
}

void
cmd_print_path(const char *path)
{
	struct strbuf line = { 0 };

	if (isatty(STDOUT_FILENO))
		strbuf_add_printable(&line, path);
	else
		strbuf_adds(&line, path);
	puts(strbuf_text(&line));
	strbuf_release(&line);
}

int
cmd_finish(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return CMD_OK;
	fprintf(stderr, "leakshim: cannot write: %s\n", strerror(errno));
	return CMD_FAILED;
}

int
cmd_help(const char *text)
{
	fputs(text, stdout);
	return cmd_finish();
}

void
cmd_note(struct cmd_targets *targets, const struct err *err)
{
	int status = cmd_fail(err);

	if (status > targets->status)
		targets->status = status;
}

static void
open_target(struct cmd_targets *targets, pid_t pid)
{
	struct target target;
	struct err err;
	size_t i;

	for (i = 0; i < targets->count; i++)
		if (targets->list[i].proc.pid == pid)
			return;
	if (target_open(&target, pid, &err) < 0) {
		cmd_note(targets, &err);
		return;
	}
	if (target_require(&target, &err) < 0) {
		cmd_note(targets, &err);
		target_close(&target);
		return;
	}
	targets->list = xgrow(targets->list, &targets->capacity,
			      targets->count + 1, sizeof(target));
	targets->list[targets->count++] = target;
}

int
cmd_open_targets(struct cmd_targets *out, const char *verb, int argc,
		 char **argv)
{
	struct pick pick;
	struct err err;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (optind >= argc)
		return cmd_usage(verb, "%s needs the PID or name of a process",
				 verb);
	for (; optind < argc; optind++) {
		if (pick_processes(&pick, argv[optind], &err) < 0) {
			cmd_note(out, &err);
			continue;
		}
		for (i = 0; i < pick.count; i++)
			open_target(out, pick.pids[i]);
		pick_release(&pick);
	}
	return 0;
}

void
cmd_close_targets(struct cmd_targets *targets)
{
	size_t i;

	for (i = 0; i < targets->count; i++)
		target_close(&targets->list[i]);
	free(targets->list);
}

int
cmd_on_targets(const char *verb, int argc, char **argv, cmd_act *act,
	       const void *request)
{
	struct cmd_targets targets;
	int status = cmd_open_targets(&targets, verb, argc, argv);
	struct err err;
	int finished;
	size_t i;

	if (status)
		return status;
	for (i = 0; i < targets.count; i++)
		if (act(&targets.list[i], request, &err) < 0)
			cmd_note(&targets, &err);
	status = targets.status;
	cmd_close_targets(&targets);
	finished = cmd_finish();
	return finished > status ? finished : status;
}

/* The process that a word means; 0 and `err`: none, or several. */
static pid_t
pick_one(const char *word, struct err *err)
{
	struct strbuf pids = { 0 };
	struct pick pick;
	pid_t pid = 0;
	size_t i;

	if (pick_processes(&pick, word, err) < 0)
		return 0;
	if (pick.count == 1) {
		pid = pick.pids[0];
	} else {
		for (i = 0; i < pick.count; i++)
			strbuf_addf(&pids, "%s%d", i ? ", " : "",
				    (int)pick.pids[i]);
		err_set(err, ERR_TARGET,
			"'%s' is the name of %zu processes, give the PID of "
			"one: %s",
			word, pick.count, strbuf_text(&pids));
		strbuf_release(&pids);
	}
	pick_release(&pick);
	return pid;
}

int
cmd_on_target(const char *verb, int argc, char **argv, cmd_act *act,
	      const void *request)
{
	struct target target;
	struct err err;
	pid_t pid;
	int result;

	if (optind >= argc)
		return cmd_usage(verb, "%s needs the PID or name of a process",
				 verb);
	if (optind + 1 < argc)
		return cmd_usage(verb, "%s takes one process, not '%s' as well",
				 verb, argv[optind + 1]);
	pid = pick_one(argv[optind], &err);
	if (!pid || target_open(&target, pid, &err) < 0)
		return cmd_fail(&err);
	result = target_require(&target, &err);
	if (result == 0)
		result = act(&target, request, &err);
	target_close(&target);
	return result < 0 ? cmd_fail(&err) : cmd_finish();
}

int
cmd_take_seconds(const char *verb, const char *text, unsigned int *out)
{
	double value;

	if (!parse_duration(text, &value) || value < 1 ||
	    value > BELL_TIMEOUT_MAX_S || value != (unsigned int)value)
		return cmd_usage(verb,
				 "'%s' is not a time from 1s to 1d, such "
				 "as 30s, 5m or 8h",
				 text);
	*out = (unsigned int)value;
	return 0;
}
