#include "strbuf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"
#include "xalloc.h"

/* Room for `more` bytes and the NUL. */
static void
reserve(struct strbuf *buf, size_t more)
{
	buf->data =
		xgrow(buf->data, &buf->capacity, xadd(buf->len, more + 1), 1);
}

void
strbuf_add(struct strbuf *buf, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	reserve(buf, len);
	memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

int
strbuf_read(struct strbuf *buf, int fd, size_t max)
{
	char bytes[16384];
	size_t all = 0;
	ssize_t count;

	for (;;) {
		count = read(fd, bytes, sizeof(bytes));
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -1 : 0;
		if ((size_t)count > max - all)
			break;
		strbuf_add(buf, bytes, (size_t)count);
		all += (size_t)count;
	}
	strbuf_add(buf, bytes, max - all);
	errno = EFBIG;
	return -1;
}

void
strbuf_adds(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void
strbuf_addc(struct strbuf *buf, char c)
{
	strbuf_add(buf, &c, 1);
}

void
strbuf_vaddf(struct strbuf *buf, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len <= 0)
		return;
	reserve(buf, (size_t)len);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	buf->len += (size_t)len;
}

void
strbuf_addf(struct strbuf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strbuf_vaddf(buf, format, args);
	va_end(args);
}

void
strbuf_add_printable(struct strbuf *buf, const char *text)
{
	const char *end;
	size_t len;

	for (;; text = end + 1) {
		for (end = text; *end && (len = utf8_visible(end)) > 0;)
			end += len;
		strbuf_add(buf, text, (size_t)(end - text));
		if (!*end)
			return;
		if (*end == '\n')
			strbuf_adds(buf, "\\n");
		else if (*end == '\t')
			strbuf_adds(buf, "\\t");
		else
			strbuf_addf(buf, "\\x%02x", (unsigned char)*end);
	}
}

void
strbuf_add_quoted(struct strbuf *buf, const char *text)
{
	strbuf_addc(buf, '\'');
	strbuf_add_printable(buf, text);
	strbuf_addc(buf, '\'');
}

void
strbuf_clear(struct strbuf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void
strbuf_release(struct strbuf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

const char *
strbuf_text(const struct strbuf *buf)
{
	return buf->data ? buf->data : "";
}

char *
strbuf_detach(struct strbuf *buf)
{
	char *text = buf->data ? buf->data : xstrdup("");

	memset(buf, 0, sizeof(*buf));
	return text;
}
