/* What a soak says, and how it fails. */
#include "soak_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../analyzer/xalloc.h"
#include "soak_children.h"

/* Of what a run notes; all is in its log. */
#define NOTES_BYTES 4096

void
soak_tell(struct soak *soak, bool is_progress, const char *format, ...)
{
	struct strbuf line = { 0 };
	va_list args;

	if (*soak->scenario->name)
		strbuf_addf(&line, "%s: ", soak->scenario->name);
	va_start(args, format);
	strbuf_vaddf(&line, format, args);
	va_end(args);
	soak->ear->tell(soak->ear->context, is_progress, strbuf_text(&line));
	if (soak->own_log)
		dprintf(soak_log_fd(soak->own_log), "%10.3f %s\n",
			soak_children_now() - soak->born, strbuf_text(&line));
	strbuf_release(&line);
}

void
soak_tell_lines(struct soak *soak, const struct strbuf *lines)
{
	const char *line = strbuf_text(lines), *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		soak_tell(soak, false, "%.*s", (int)(end - line), line);
}

/* Told, and kept for the result. */
void
soak_note_lines(struct soak *soak, const struct strbuf *lines)
{
	soak_tell_lines(soak, lines);
	if (soak->run->notes.len < NOTES_BYTES)
		strbuf_adds(&soak->run->notes, strbuf_text(lines));
}

int
soak_fail(struct soak *soak, const char *at, const char *text)
{
	struct soak_run *run = soak->run;

	if (run->failure)
		return -1;
	run->failure = xstrdup(text);
	run->failed_at = xstrdup(at);
	run->failed_iteration = run->iterations + soak->at_work;
	soak_tell(soak, false, "failed: %s: %s", at, text);
	return -1;
}

/* What went wrong while the target was at work: was it the target? */
int
soak_fail_working(struct soak *soak, const char *at, const char *text)
{
	struct strbuf what = { 0 }, how = { 0 };
	int result;

	if (soak_target_is_gone(&soak->target, &how)) {
		strbuf_addf(&what, "the target (%s, pid %d) ended: %s",
			    soak->target.name, (int)soak->target.main,
			    strbuf_text(&how));
		if (text)
			strbuf_addf(&what, "; %s", text);
	} else {
		strbuf_adds(&what, text ? text : "stopped");
	}
	result = soak_fail(soak, at, strbuf_text(&what));
	strbuf_release(&what);
	strbuf_release(&how);
	return result;
}
