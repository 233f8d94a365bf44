#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"

#define COPY_BYTES (1 << 20)

static int
fail(const char *what, const char *path, struct err *err)
{
	return err_set(err, ERR_STEP, "cannot %s '%s': %s", what, path,
		       strerror(errno));
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t count = write(fd, bytes, len);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return false;
		bytes += count;
		len -= (size_t)count;
	}
	return true;
}

static int
copy_bytes(int in, int out, const char *from, const char *to, struct err *err)
{
	char *buffer = xmalloc(COPY_BYTES);
	ssize_t count;
	int result = 0;

	while (result == 0 && (count = read(in, buffer, COPY_BYTES)) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			result = fail("read", from, err);
		else if (!write_all(out, buffer, (size_t)count))
			result = fail("write", to, err);
	}
	free(buffer);
	return result;
}

static int
copy(const char *from, uid_t owner, const char *to, struct err *err)
{
	struct stat st;
	/* O_NONBLOCK: what the target names may be anything. */
	int in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int out, result;

	if (in < 0)
		return fail("open", from, err);
	if (fstat(in, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(in);
		return err_set(err, ERR_STEP, "'%s' is not a regular file",
			       from);
	}
	if (st.st_uid != owner) {
		close(in);
		return err_set(err, ERR_STEP, "'%s' is not a file of uid %u",
			       from, (unsigned int)owner);
	}
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		   0600);
	if (out < 0) {
		fail("create", to, err);
		close(in);
		return -1;
	}
	/* Whatever the umask. */
	result = fchmod(out, 0600) < 0 ? fail("create", to, err)
				       : copy_bytes(in, out, from, to, err);
	if (close(out) < 0 && result == 0)
		result = fail("write", to, err);
	close(in);
	if (result < 0)
		unlink(to);
	return result;
}

static bool
is_same_file(const char *one, const char *other)
{
	struct stat a, b;

	return !lstat(one, &a) && !lstat(other, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int
fetch_check(const char *to, struct err *err)
{
	const char *slash = strrchr(to, '/');
	struct stat st;
	char *directory;
	int result = 0;

	if (!lstat(to, &st)) {
		errno = EEXIST;
		return fail("create", to, err);
	}
	if (errno != ENOENT)
		return fail("create", to, err);
	directory = xstrdup(slash ? to : ".");
	if (slash)
		directory[slash == to ? 1 : slash - to] = '\0';
	if (!*to || eaccess(directory, W_OK | X_OK) < 0)
		result = fail("create", to, err);
	free(directory);
	return result;
}

int
fetch_remove(uid_t owner, const char *path)
{
	int result, error;

	/* Of this thread only; nothing changes for the user that we are. */
	setfsuid(owner);
	result = unlink(path);
	error = errno;
	setfsuid(geteuid());
	errno = error;
	return result;
}

int
fetch_file(const char *from, uid_t owner, const char *to, struct err *err)
{
	/* A rename would be with our rights: of another user, whose word
	 * `from` is, a file is copied. */
	if (owner != geteuid())
		errno = is_same_file(from, to) ? EEXIST : EXDEV;
	else if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno == EEXIST && is_same_file(from, to))
		return 0;
	if (errno == EEXIST)
		return fail("create", to, err);
	/* Another file system, or one that knows no such rename. */
	if (copy(from, owner, to, err) < 0)
		return -1;
	if (fetch_remove(owner, from) == 0)
		return 0;
	fail("remove", from, err);
	unlink(to);
	return -1;
}

int
fetch_file_inside(int root, const char *from, uid_t owner, const char *to,
		  struct err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	const char *slash = strrchr(from, '/');
	struct strbuf real = { 0 };
	char *directory;
	int result;
	long fd;

	if (!slash)
		return err_set(err, ERR_STEP, "'%s' is no absolute path", from);
	directory = xstrdup(from);
	directory[slash == from ? 1 : slash - from] = '\0';
	fd = syscall(SYS_openat2, root, directory, &how, sizeof(how));
	free(directory);
	if (fd < 0)
		return fail("open the directory of", from, err);
	strbuf_addf(&real, "/proc/self/fd/%ld%s", fd, slash);
	result = fetch_file(strbuf_text(&real), owner, to, err);
	strbuf_release(&real);
	close((int)fd);
	return result;
}
