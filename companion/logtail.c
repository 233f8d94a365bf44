#include "logtail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"

#define READ_BYTES (1u << 16)

#define CUT_MARK "..."

static int
fail(const struct logtail *tail, struct err *err)
{
	return err_set(err, ERR_OPEN, "cannot read '%s': %s", tail->name,
		       errno == EINVAL ? "not a regular file"
				       : strerror(errno));
}

/* --- lines ---------------------------------------------------------------------- */

static void
keep_line(struct logtail *tail, const char *text)
{
	free(tail->lines[tail->next]);
	tail->lines[tail->next] = xstrdup(text);
	tail->next = (tail->next + 1) % tail->keep;
	if (tail->count < tail->keep)
		tail->count++;
}

static void
end_line(struct logtail *tail, struct logtail_file *file)
{
	struct strbuf *line = &file->line;

	if (file->skip) {
		file->skip = false;
	} else {
		if (!file->cut && line->len &&
		    line->data[line->len - 1] == '\r')
			line->data[--line->len] = '\0';
		if (!tail->patterns->count ||
		    patterns_match(tail->patterns, strbuf_text(line))) {
			if (file->cut)
				strbuf_adds(line, CUT_MARK);
			keep_line(tail, strbuf_text(line));
		}
	}
	strbuf_clear(line);
	file->cut = false;
}

/* Part of a line. A NUL would end it for the regular expression. */
static void
add_part(struct logtail_file *file, const char *part, size_t bytes)
{
	const char *end = part + bytes;
	const char *nul;
	size_t run;

	if (file->skip)
		return;
	while (part < end && file->line.len < LOGTAIL_LINE_BYTES) {
		nul = memchr(part, '\0', (size_t)(end - part));
		run = (size_t)((nul ? nul : end) - part);
		if (run > LOGTAIL_LINE_BYTES - file->line.len)
			run = LOGTAIL_LINE_BYTES - file->line.len;
		strbuf_add(&file->line, part, run);
		part += run;
		if (part == nul) {
			strbuf_adds(&file->line, "\\x00");
			part++;
		}
	}
	file->cut |= part < end;
}

static void
add_bytes(struct logtail *tail, struct logtail_file *file, const char *bytes,
	  size_t count)
{
	const char *end = bytes + count;
	const char *stop;

	while ((stop = memchr(bytes, '\n', (size_t)(end - bytes)))) {
		add_part(file, bytes, (size_t)(stop - bytes));
		end_line(tail, file);
		bytes = stop + 1;
	}
	add_part(file, bytes, (size_t)(end - bytes));
}

/* --- a file --------------------------------------------------------------------- */

static void
start_over(struct logtail_file *file)
{
	file->offset = 0;
	file->seen_bytes = 0;
	file->cut = false;
	file->skip = false;
	strbuf_clear(&file->line);
}

static void
close_file(struct logtail_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	strbuf_release(&file->line);
	memset(file, 0, sizeof(*file));
	file->fd = -1;
}

/* Remembers the last bytes read, of which `count` are new. */
static void
remember(struct logtail_file *file, const char *bytes, size_t count)
{
	size_t keep = LOGTAIL_MEMORY_BYTES;

	if (count >= keep) {
		memcpy(file->seen, bytes + count - keep, keep);
		file->seen_bytes = keep;
		return;
	}
	if (file->seen_bytes + count > keep) {
		memmove(file->seen,
			file->seen + file->seen_bytes + count - keep,
			keep - count);
		file->seen_bytes = keep - count;
	}
	memcpy(file->seen + file->seen_bytes, bytes, count);
	file->seen_bytes += count;
}

/* Whether what we have read is still in the file. */
static bool
was_replaced(const struct logtail_file *file, uint64_t size)
{
	char now[LOGTAIL_MEMORY_BYTES];
	ssize_t count;

	if (size < file->offset)
		return true;
	if (!file->seen_bytes)
		return false;
	count = pread(file->fd, now, file->seen_bytes,
		      (off_t)(file->offset - file->seen_bytes));
	return count >= 0 && ((size_t)count != file->seen_bytes ||
			      memcmp(now, file->seen, file->seen_bytes) != 0);
}

/* Reads up to the file's present end. `first`: that it is large is no loss. */
static int
read_file(struct logtail *tail, struct logtail_file *file, bool first)
{
	static char buffer[READ_BYTES];
	struct stat st;
	uint64_t size, want;
	ssize_t count;
	char before;

	if (fstat(file->fd, &st) < 0)
		return -1;
	size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	if (was_replaced(file, size))
		start_over(file);
	if (size - file->offset > LOGTAIL_STEP_BYTES) {
		if (!first)
			tail->skipped_bytes +=
				size - file->offset - LOGTAIL_STEP_BYTES;
		start_over(file);
		file->offset = size - LOGTAIL_STEP_BYTES;
		/* A line may begin just here. */
		file->skip = pread(file->fd, &before, 1,
				   (off_t)file->offset - 1) != 1 ||
			     before != '\n';
	}
	while (file->offset < size) {
		want = size - file->offset;
		count = pread(file->fd, buffer,
			      want < READ_BYTES ? want : READ_BYTES,
			      (off_t)file->offset);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		add_bytes(tail, file, buffer, (size_t)count);
		remember(file, buffer, (size_t)count);
		file->offset += (uint64_t)count;
	}
	return 0;
}

/* Opens what has the name now; 0 as well where nothing has. */
static int
open_now(struct logtail *tail)
{
	struct stat st;
	int fd, error = 0;

	/* A FIFO without a writer would hold us. */
	fd = open(tail->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) < 0)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	if (error) {
		close(fd);
		errno = error;
		return -1;
	}
	tail->now.fd = fd;
	tail->now.device = st.st_dev;
	tail->now.inode = st.st_ino;
	return 0;
}

/* The name leads to another file than the one we have, which stays open, so
 * that its inode is given to no other. */
static bool
was_rotated(const struct logtail *tail)
{
	struct stat st;

	return stat(tail->name, &st) == 0 &&
	       (st.st_ino != tail->now.inode || st.st_dev != tail->now.device);
}

static int
poll_files(struct logtail *tail, bool first)
{
	if (tail->last.fd >= 0 && read_file(tail, &tail->last, false) < 0)
		return -1;
	if (tail->now.fd >= 0) {
		if (read_file(tail, &tail->now, false) < 0)
			return -1;
		if (!was_rotated(tail))
			return 0;
		close_file(&tail->last);
		tail->last = tail->now;
		memset(&tail->now, 0, sizeof(tail->now));
		tail->now.fd = -1;
	}
	if (open_now(tail) < 0)
		return -1;
	return tail->now.fd < 0 ? 0 : read_file(tail, &tail->now, first);
}

int
logtail_open(struct logtail *tail, const char *name,
	     const struct patterns *patterns, size_t keep, struct err *err)
{
	memset(tail, 0, sizeof(*tail));
	tail->name = name;
	tail->patterns = patterns;
	tail->keep = keep;
	tail->now.fd = -1;
	tail->last.fd = -1;
	tail->lines = xcalloc(keep, sizeof(*tail->lines));
	if (poll_files(tail, true) == 0)
		return 0;
	fail(tail, err);
	logtail_close(tail);
	return -1;
}

int
logtail_poll(struct logtail *tail, struct err *err)
{
	return poll_files(tail, false) < 0 ? fail(tail, err) : 0;
}

bool
logtail_is_there(const struct logtail *tail)
{
	return tail->now.fd >= 0;
}

const char *
logtail_line(const struct logtail *tail, size_t i)
{
	return tail->lines[(tail->next + tail->keep - tail->count + i) %
			   tail->keep];
}

void
logtail_close(struct logtail *tail)
{
	size_t i;

	for (i = 0; i < tail->keep; i++)
		free(tail->lines[i]);
	free(tail->lines);
	close_file(&tail->now);
	close_file(&tail->last);
	memset(tail, 0, sizeof(*tail));
	tail->now.fd = -1;
	tail->last.fd = -1;
}
