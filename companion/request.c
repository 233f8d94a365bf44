#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The status file's name, a dot and the token. */
#define NAME_BYTES (sizeof(((struct status_place *)0)->name) + 16)

void
request_add(struct strbuf *lines, const char *key, const char *value)
{
	strbuf_addf(lines, "%s=", key);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c < 0x20 || c == 0x7f || c == '%')
			strbuf_addf(lines, "%%%02X", c);
		else
			strbuf_addc(lines, *value);
	}
	strbuf_addc(lines, '\n');
}

static int
fail(const struct status_place *place, const char *name, struct err *err)
{
	return err_set(err, ERR_STEP, "cannot write '%s%s/%s': %s",
		       place->prefix, place->directory, name, strerror(errno));
}

/* Nothing may be in its place: a token is given once. */
static int
write_file(int directory, const struct status_place *place, const char *name,
	   const struct strbuf *lines, struct err *err)
{
	int fd = openat(directory, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	bool done;

	if (fd < 0)
		return fail(place, name, err);
	/* Whatever the umask. Root gives it to who is to take it. */
	done = fchmod(fd, 0600) == 0 &&
	       (place->owner == geteuid() ||
		fchown(fd, place->owner, (gid_t)-1) == 0) &&
	       dprintf(fd, LKS_REQUEST_MAGIC "\n%s", strbuf_text(lines)) > 0;
	if (close(fd) < 0 || !done) {
		fail(place, name, err);
		unlinkat(directory, name, 0);
		return -1;
	}
	return 0;
}

/* One try. 1: answered, but not taken. */
static int
ask_once(struct target *target, enum lks_bell op, const struct strbuf *lines,
	 unsigned int timeout_s, uint32_t token, struct err *err)
{
	/* target->place may move while we wait. */
	struct status_place place = target->place;
	char name[NAME_BYTES];
	int directory = status_open_directory(&place, err);
	int result;

	if (directory < 0)
		return -1;
	snprintf(name, sizeof(name), "%s.%" PRIu32, place.name, token);
	result = write_file(directory, &place, name, lines, err);
	if (result == 0) {
		result = bell_ask_with(target, op, token, timeout_s, err);
		if (unlinkat(directory, name, 0) == 0 && result == 0)
			result = 1;
	}
	close(directory);
	return result;
}

int
request_ask(struct target *target, enum lks_bell op, const struct strbuf *lines,
	    unsigned int timeout_s, uint32_t *token, struct err *err)
{
	char before[sizeof(target->place.directory)];
	int result;

	memcpy(before, target->place.directory, sizeof(before));
	*token = bell_new_token();
	result = ask_once(target, op, lines, timeout_s, *token, err);
	/* It has changed its user since it wrote its status file, which has
	 * moved by now. */
	if (result == 1 && strcmp(before, target->place.directory) != 0) {
		*token = bell_new_token();
		result = ask_once(target, op, lines, timeout_s, *token, err);
	}
	if (result == 1)
		return err_set(err, ERR_STEP,
			       "process %d answered, but did not take the "
			       "request (its libleakshim.so is %s)",
			       (int)target->proc.pid,
			       *target->status.version
				       ? target->status.version
				       : "of an unknown version");
	return result;
}
