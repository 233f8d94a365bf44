/*
 * A growing byte string, always NUL-terminated. `{ 0 }` is an empty one.
 * Growing can't fail (xalloc.h).
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct strbuf {
	char *data; /* NULL while nothing was ever added; owned */
	size_t len; /* without the NUL */
	size_t capacity;
};

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_adds(struct strbuf *buf, const char *text);
void strbuf_addc(struct strbuf *buf, char c);
void strbuf_addf(struct strbuf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *buf, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* Adds all that `fd` has to its end, at most `max` bytes. -1 with errno; EFBIG:
 * there is more. What came before that is added. */
int strbuf_read(struct strbuf *buf, int fd, size_t max)
	__attribute__((warn_unused_result));

/* Adds text with what is not visible (utf8.h) as \n, \t or \xNN, byte by byte,
 * so that a hostile name can't drive the reader's terminal or pass for another.
 * All other UTF-8 stays. */
void strbuf_add_printable(struct strbuf *buf, const char *text);
/* The same in single quotes: a file's name in a line for people. */
void strbuf_add_quoted(struct strbuf *buf, const char *text);

/* Keeps the memory. */
void strbuf_clear(struct strbuf *buf);
void strbuf_release(struct strbuf *buf);

/* The text, "" if there is none. Borrowed until the next change. */
const char *strbuf_text(const struct strbuf *buf);
/* Gives the text to the caller, who frees it; the buffer is empty again. */
char *strbuf_detach(struct strbuf *buf) __attribute__((warn_unused_result));
