#include "status.h"

#include <stdlib.h>
#include <string.h>

#include "../analyzer/parse.h"
#include "../analyzer/xalloc.h"
#include "../proto/status.h"

enum kind {
	TEXT,
	NUMBER,
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset; /* in struct status */
};

#define KEY(kind, field)                                                       \
	{                                                                      \
#field, kind, offsetof(struct status, field)                   \
	}

static const struct key keys[] = {
	KEY(TEXT, version),
	KEY(NUMBER, pid),
	KEY(NUMBER, start_ticks),
	KEY(NUMBER, ppid),
	KEY(TEXT, exe),
	{ "state", TEXT, offsetof(struct status, state_name) },
	KEY(TEXT, reason),
	KEY(TEXT, options),
	KEY(TEXT, mode),
	KEY(NUMBER, sample),
	KEY(TEXT, unwind),
	KEY(TEXT, out),
	KEY(TEXT, out_note),
	KEY(NUMBER, signal),
	KEY(TEXT, signal_note),
	KEY(NUMBER, bell),
	KEY(TEXT, bell_note),
	KEY(NUMBER, helper),
	KEY(NUMBER, sequence),
	KEY(TEXT, snapshot),
	KEY(NUMBER, snapshot_ns),
	KEY(TEXT, error),
	KEY(TEXT, scrape_error),
	KEY(NUMBER, updated_ns),
	KEY(NUMBER, cpu_ns),
	KEY(NUMBER, live_objects),
	KEY(NUMBER, live_bytes),
	KEY(NUMBER, alloc_objects),
	KEY(NUMBER, alloc_bytes),
	KEY(NUMBER, free_objects),
	KEY(NUMBER, free_bytes),
	KEY(NUMBER, threads_running),
	KEY(NUMBER, threads_unjoined),
	KEY(NUMBER, own_bytes),
	KEY(NUMBER, longest_hold_ns),
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Decodes %XX in place. False: a half escape, a NUL, which no string could
 * hold, or a byte that should have been escaped. */
static bool
decode(char *value)
{
	char *to = value;
	int high, low;

	for (; *value; value++) {
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return false;
		if (*value != '%') {
			*to++ = *value;
			continue;
		}
		high = hex_digit(value[1]);
		low = high < 0 ? -1 : hex_digit(value[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		value += 2;
	}
	*to = '\0';
	return true;
}

static bool
parse_state(struct status *out)
{
	static const char *const names[] = {
		[STATUS_ON] = "on",
		[STATUS_DORMANT] = "dormant",
		[STATUS_OFF] = "off",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(out->state_name, names[i])) {
			out->state = (enum status_state)i;
			return true;
		}
	}
	return false;
}

/* Room for what may repeat; all are bounded by the file's size. */
struct room {
	size_t losses;
	size_t tokens;
	size_t dumps;
	size_t messages;
};

/* "TOKEN TEXT" */
static bool
parse_dump(struct status_dump *out, char *value)
{
	char *space = strchr(value, ' ');

	if (!space)
		return false;
	*space = '\0';
	out->text = space + 1;
	return parse_count(value, &out->token) && decode(space + 1);
}

static bool
take_value(struct status *out, struct room *room, const char *name, char *value)
{
	struct status_loss *loss;
	char *field;
	size_t i;

	if (!strncmp(name, "loss.", 5)) {
		out->losses = xgrow(out->losses, &room->losses,
				    out->loss_count + 1, sizeof(*loss));
		loss = &out->losses[out->loss_count++];
		loss->name = name + 5;
		return parse_count(value, &loss->count);
	}
	if (!strcmp(name, "token")) {
		out->tokens = xgrow(out->tokens, &room->tokens,
				    out->token_count + 1, sizeof(*out->tokens));
		return parse_count(value, &out->tokens[out->token_count++]);
	}
	if (!strcmp(name, "dump") || !strcmp(name, "dump_error")) {
		out->dumps = xgrow(out->dumps, &room->dumps,
				   out->dump_count + 1, sizeof(*out->dumps));
		out->dumps[out->dump_count].failed = !!strcmp(name, "dump");
		return parse_dump(&out->dumps[out->dump_count++], value);
	}
	if (!strcmp(name, "message")) {
		out->messages = xgrow(out->messages, &room->messages,
				      out->message_count + 1, sizeof(value));
		out->messages[out->message_count++] = value;
		return decode(value);
	}
	for (i = 0; i < KEY_COUNT; i++) {
		if (strcmp(name, keys[i].name) != 0)
			continue;
		field = (char *)out + keys[i].offset;
		if (keys[i].offset == offsetof(struct status, live_bytes))
			out->has_totals = true;
		if (keys[i].kind == NUMBER)
			return parse_count(value, (uint64_t *)(void *)field);
		memcpy(field, &value, sizeof(value));
		return decode(value);
	}
	/* A key of a newer shim. */
	return true;
}

/* Cuts the next line off *at; false at the end, or if it has no end. */
static bool
next_line(char **at, char **line)
{
	char *end = strchr(*at, '\n');

	if (!end)
		return false;
	*line = *at;
	*end = '\0';
	*at = end + 1;
	return true;
}

static int
parse_lines(struct status *out, size_t bytes, const char *label,
	    struct err *err)
{
	struct room room = { 0 };
	char *at = out->text, *line, *value;

	if (memchr(at, '\0', bytes))
		return err_set(err, ERR_TARGET, "'%s': has a NUL byte", label);
	if (!next_line(&at, &line) || strcmp(line, LKS_STATUS_MAGIC) != 0)
		return err_set(err, ERR_TARGET, "'%s': not a status file",
			       label);
	while (next_line(&at, &line)) {
		value = strchr(line, '=');
		if (!value || value == line)
			return err_set(err, ERR_TARGET,
				       "'%s': a line is not key=value", label);
		*value++ = '\0';
		if (!take_value(out, &room, line, value))
			return err_set(err, ERR_TARGET,
				       "'%s': bad value of '%s'", label, line);
	}
	if (*at)
		return err_set(err, ERR_TARGET, "'%s': truncated", label);
	if (!out->pid || !out->start_ticks || !parse_state(out))
		return err_set(err, ERR_TARGET,
			       "'%s': has no valid pid, start_ticks or state",
			       label);
	return 0;
}

int
status_parse(struct status *out, char *take_text, size_t bytes,
	     const char *label, struct err *err)
{
	static const char empty[] = "";
	const char *none = empty;
	size_t i;

	memset(out, 0, sizeof(*out));
	out->text = take_text;
	for (i = 0; i < KEY_COUNT; i++) {
		if (keys[i].kind == TEXT)
			memcpy((char *)out + keys[i].offset, &none,
			       sizeof(none));
	}
	if (parse_lines(out, bytes, label, err) < 0) {
		status_release(out);
		return -1;
	}
	return 0;
}

uint64_t
status_loss(const struct status *status, const char *name)
{
	size_t i;

	for (i = 0; i < status->loss_count; i++)
		if (!strcmp(status->losses[i].name, name))
			return status->losses[i].count;
	return 0;
}

const struct status_dump *
status_find_dump(const struct status *status, uint64_t token)
{
	size_t i;

	for (i = 0; i < status->dump_count; i++)
		if (status->dumps[i].token == token)
			return &status->dumps[i];
	return NULL;
}

bool
status_answers(const struct status *status, uint64_t token)
{
	size_t i;

	for (i = 0; i < status->token_count; i++)
		if (status->tokens[i] == token)
			return true;
	return false;
}

void
status_release(struct status *status)
{
	free(status->text);
	free(status->tokens);
	free(status->losses);
	free(status->dumps);
	free(status->messages);
	memset(status, 0, sizeof(*status));
}
