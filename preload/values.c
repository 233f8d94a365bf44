#include "values.h"

#include <signal.h>
#include <string.h>

#include "msg.h"
#include "sys.h"

bool
lks_value_count(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
	uint64_t value;

	if (!lks_parse_u64(&text, &value) || *text != '\0' || value < low ||
	    value > high)
		return false;
	*out = value;
	return true;
}

/* A number and one of `units`; `bare`: also without one, then it is as it
 * stands. Zero needs none. */
static bool
parse_scaled(const char *text, const char *units, const uint64_t *scale,
	     bool bare, uint64_t *out)
{
	uint64_t value;
	uint64_t factor = 1;

	if (!lks_parse_u64(&text, &value))
		return false;
	if (*text != '\0') {
		const char *unit = strchr(units, *text);

		if (unit == NULL || text[1] != '\0')
			return false;
		factor = scale[unit - units];
	} else if (value != 0 && !bare) {
		return false;
	}
	if (value > INT64_MAX / factor)
		return false;
	*out = value * factor;
	return true;
}

bool
lks_value_size(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
	static const uint64_t scale[] = { 1ull << 10, 1ull << 20, 1ull << 30,
					  1ull << 40 };
	uint64_t bytes;

	if (!parse_scaled(text, "KMGT", scale, true, &bytes) || bytes < low ||
	    bytes > high)
		return false;
	*out = bytes;
	return true;
}

void
lks_value_print_size(char *out, size_t cap, uint64_t bytes)
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	uint32_t unit = 0;

	while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	lks_format(out, cap, "%lu%s", (unsigned long)bytes, units[unit]);
}

bool
lks_value_duration(const char *text, uint64_t *out)
{
	static const uint64_t scale[] = { 1000000000ull, 60000000000ull,
					  3600000000000ull, 86400000000000ull };

	return parse_scaled(text, "smhd", scale, false, out);
}

void
lks_value_print_duration(char *out, size_t cap, uint64_t ns)
{
	uint64_t s = ns / 1000000000u;

	if (s == 0)
		lks_format(out, cap, "0");
	else if (s % 86400 == 0)
		lks_format(out, cap, "%lud", (unsigned long)(s / 86400));
	else if (s % 3600 == 0)
		lks_format(out, cap, "%luh", (unsigned long)(s / 3600));
	else if (s % 60 == 0)
		lks_format(out, cap, "%lum", (unsigned long)(s / 60));
	else
		lks_format(out, cap, "%lus", (unsigned long)s);
}

static const struct {
	const char *name;
	int number;
} signal_names[] = {
	{ "HUP", SIGHUP },       { "INT", SIGINT },   { "QUIT", SIGQUIT },
	{ "TRAP", SIGTRAP },     { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE },     { "ALRM", SIGALRM }, { "TERM", SIGTERM },
	{ "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD }, { "CONT", SIGCONT },
	{ "TSTP", SIGTSTP },     { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
	{ "URG", SIGURG },       { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO },         { "POLL", SIGPOLL }, { "PWR", SIGPWR },
	{ "SYS", SIGSYS },
};

#define NAMES (sizeof(signal_names) / sizeof(signal_names[0]))

/* Can't be caught, are faults of the host's own, or are glibc's. */
static bool
is_takeable(uint64_t number)
{
	return number >= 1 && number <= (uint64_t)SIGRTMAX &&
	       number != SIGKILL && number != SIGSTOP && number != SIGSEGV &&
	       number != SIGBUS && number != SIGFPE && number != SIGILL &&
	       number != SIGABRT &&
	       (number < 32 || number >= (uint64_t)SIGRTMIN);
}

static bool
parse_realtime(const char *text, uint64_t *out)
{
	uint64_t n = 0;
	bool from_max = strncmp(text, "RTMAX", 5) == 0;

	if (!from_max && strncmp(text, "RTMIN", 5) != 0)
		return false;
	text += 5;
	if (*text != '\0' && (*text++ != (from_max ? '-' : '+') ||
			      !lks_value_count(text, 0, 64, &n)))
		return false;
	*out = from_max ? (uint64_t)SIGRTMAX - n : (uint64_t)SIGRTMIN + n;
	return true;
}

bool
lks_value_signal(const char *text, int32_t *out)
{
	uint64_t number = 0;

	if (strcmp(text, "none") == 0) {
		*out = 0;
		return true;
	}
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	if (!lks_value_count(text, 1, 64, &number) &&
	    !parse_realtime(text, &number))
		for (size_t i = 0; i < NAMES; i++)
			if (strcmp(text, signal_names[i].name) == 0)
				number = (uint64_t)signal_names[i].number;
	if (!is_takeable(number))
		return false;
	*out = (int32_t)number;
	return true;
}

void
lks_value_print_signal(char *out, size_t cap, int32_t number)
{
	if (number == 0) {
		lks_copy_text(out, cap, "none");
		return;
	}
	if (number >= SIGRTMIN) {
		lks_format(out, cap, "RTMIN+%d", number - SIGRTMIN);
		return;
	}
	for (size_t i = 0; i < NAMES; i++) {
		if (signal_names[i].number == number) {
			lks_copy_text(out, cap, signal_names[i].name);
			return;
		}
	}
	lks_format(out, cap, "%d", number);
}
