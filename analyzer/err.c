#include "err.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "strbuf.h"

/* File names reach the message as the user typed them, and a name may hold a
 * newline or an escape sequence: the message stays one harmless line. */
static void
set_text(struct err *err, const char *text)
{
	struct strbuf line = { 0 };

	strbuf_add_printable(&line, text);
	snprintf(err->text, sizeof(err->text), "%s", strbuf_text(&line));
	strbuf_release(&line);
}

int
err_set(struct err *err, enum err_code code, const char *format, ...)
{
	struct strbuf message = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&message, format, args);
	va_end(args);
	err->code = code;
	err->has_offset = false;
	err->offset = 0;
	set_text(err, strbuf_text(&message));
	strbuf_release(&message);
	return -1;
}

int
err_at(struct err *err, enum err_code code, const char *file, uint64_t offset,
       const char *format, ...)
{
	struct strbuf message = { 0 };
	va_list args;

	strbuf_addf(&message, "'%s': ", file);
	va_start(args, format);
	strbuf_vaddf(&message, format, args);
	va_end(args);
	strbuf_addf(&message, " at byte %" PRIu64 " (uncompressed)", offset);
	err->code = code;
	err->has_offset = true;
	err->offset = offset;
	set_text(err, strbuf_text(&message));
	strbuf_release(&message);
	return -1;
}
