#include "cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bell.h"
#include "target.h"

int
cmd_fail(const struct err *err)
{
	fprintf(stderr, "leakshim: %s\n", err->text);
	return err->code == ERR_TARGET ? CMD_TARGET : CMD_FAILED;
}

int
cmd_usage(const char *verb, const char *format, ...)
{
	va_list args;

	if (format) {
		fputs("leakshim: ", stderr);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try 'leakshim%s%s --help'.\n", verb ? " " : "",
		verb ? verb : "");
	return CMD_USAGE;
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

/* A whole decimal number within [1, max]; false otherwise. */
static bool
take_number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	/* strtoul would take a sign and leading blanks. */
	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoul(text, &end, 10);
	return !errno && !*end && *out >= 1 && *out <= max;
}

/* The PID that is the only operand; 0: there is none, told. */
static pid_t
take_pid(const char *verb, int argc, char **argv)
{
	unsigned long value;

	if (optind >= argc)
		cmd_usage(verb, "%s needs the PID of a process", verb);
	else if (optind + 1 < argc)
		cmd_usage(verb, "%s takes one PID, not '%s' as well", verb,
			  argv[optind + 1]);
	else if (!take_number(argv[optind], INT32_MAX, &value))
		cmd_usage(verb, "'%s' is not a PID", argv[optind]);
	else
		return (pid_t)value;
	return 0;
}

int
cmd_on_target(const char *verb, int argc, char **argv, cmd_act *act,
	      const void *request)
{
	struct target target;
	struct err err;
	pid_t pid = take_pid(verb, argc, argv);
	int result;

	if (!pid)
		return CMD_USAGE;
	if (target_open(&target, pid, &err) < 0)
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
	unsigned long value;

	if (!take_number(text, BELL_TIMEOUT_MAX_S, &value))
		return cmd_usage(verb,
				 "'%s' is not a number of seconds from 1 to %u",
				 text, BELL_TIMEOUT_MAX_S);
	*out = (unsigned int)value;
	return 0;
}
