#include "human.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "../analyzer/format.h"

void
human_bytes(char out[HUMAN_BYTES], uint64_t bytes)
{
	struct strbuf text = { 0 };

	/* Nothing has more; a status file may say so. */
	format_bytes(&text, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes,
		     false);
	snprintf(out, HUMAN_BYTES, "%s", strbuf_text(&text));
	strbuf_release(&text);
}

void
human_duration(char out[HUMAN_BYTES], uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (ns < 1000)
		snprintf(out, HUMAN_BYTES, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		snprintf(out, HUMAN_BYTES, "%.1f us", (double)ns / 1e3);
	else if (s < 1)
		snprintf(out, HUMAN_BYTES, "%.1f ms", (double)ns / 1e6);
	else if (s < 60)
		snprintf(out, HUMAN_BYTES, "%.1f s", (double)ns / 1e9);
	else if (s < 3600)
		snprintf(out, HUMAN_BYTES, "%" PRIu64 " min %" PRIu64 " s",
			 s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, HUMAN_BYTES, "%" PRIu64 " h %" PRIu64 " min",
			 s / 3600, s % 3600 / 60);
	else
		snprintf(out, HUMAN_BYTES, "%" PRIu64 " d %" PRIu64 " h",
			 s / 86400, s % 86400 / 3600);
}

void
human_age(char out[HUMAN_BYTES], uint64_t now_ns, uint64_t then_ns)
{
	char duration[HUMAN_BYTES];

	if (now_ns < then_ns || now_ns - then_ns < 1000000000) {
		snprintf(out, HUMAN_BYTES, "now");
		return;
	}
	human_duration(duration, now_ns - then_ns);
	snprintf(out, HUMAN_BYTES, "%.24s ago", duration);
}

void
human_signal(char out[HUMAN_SIGNAL_BYTES], uint64_t number)
{
	uint64_t first = (uint64_t)SIGRTMIN, last = (uint64_t)SIGRTMAX;
	const char *name;

	if (number >= first && number <= last) {
		snprintf(out, HUMAN_SIGNAL_BYTES, "RTMIN+%u",
			 (unsigned int)(number - first));
		return;
	}
	name = number < first ? sigabbrev_np((int)number) : NULL;
	if (name)
		snprintf(out, HUMAN_SIGNAL_BYTES, "%s", name);
	else
		snprintf(out, HUMAN_SIGNAL_BYTES, "%u", (unsigned int)number);
}

void
human_end(char out[HUMAN_END_BYTES], int status)
{
	const char *words;

	if (!WIFSIGNALED(status)) {
		snprintf(out, HUMAN_END_BYTES, "exit status %d",
			 WEXITSTATUS(status));
		return;
	}
	words = sigdescr_np(WTERMSIG(status));
	snprintf(out, HUMAN_END_BYTES, "signal %d (%.40s)", WTERMSIG(status),
		 words ? words : "unknown");
}
