#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/xalloc.h"
#include "human.h"
#include "overlay.h"
#include "status_report.h"

static json_t *
make_string(const char *text)
{
	json_t *value = json_string(text);
	struct strbuf escaped = { 0 };

	if (value)
		return value;
	/* Not UTF-8: as the status file itself would spell it. */
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80 || *text == '%')
			strbuf_addf(&escaped, "%%%02X", (unsigned char)*text);
		else
			strbuf_addc(&escaped, *text);
	}
	value = json_string(strbuf_text(&escaped));
	strbuf_release(&escaped);
	return value;
}

static void
set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

static void
set_string(json_t *object, const char *key, const char *text)
{
	set(object, key, make_string(text));
}

/* JSON's integers here are signed: what is beyond, no process reaches. */
static void
set_number(json_t *object, const char *key, uint64_t number)
{
	set(object, key,
	    json_integer(number > INT64_MAX ? INT64_MAX : (int64_t)number));
}

static void
set_total(json_t *object, const char *key, const struct status *status,
	  uint64_t total)
{
	if (status->has_totals)
		set_number(object, key, total);
	else
		set(object, key, json_null());
}

static void
set_signal(json_t *object, const char *key, uint64_t number)
{
	char name[HUMAN_SIGNAL_BYTES], name_key[32];

	set_number(object, key, number);
	snprintf(name_key, sizeof(name_key), "%s_name", key);
	if (!number) {
		set(object, name_key, json_null());
		return;
	}
	human_signal(name, number);
	set_string(object, name_key, name);
}

static void
set_path(json_t *object, const char *key, const struct target *target,
	 const char *path)
{
	char *ours = target_path(target, path);

	set_string(object, key, ours);
	free(ours);
}

static void
set_losses(json_t *object, const struct status *status)
{
	json_t *losses = json_object();
	json_t *name;
	size_t i;

	for (i = 0; i < status->loss_count; i++) {
		/* The name as well is the other program's. */
		name = make_string(status->losses[i].name);
		set_number(losses, json_string_value(name),
			   status->losses[i].count);
		json_decref(name);
	}
	set(object, "losses", losses);
}

static void
set_messages(json_t *object, const struct status *status)
{
	json_t *messages = json_array();
	size_t i;

	for (i = 0; i < status->message_count; i++)
		json_array_append_new(messages,
				      make_string(status->messages[i]));
	set(object, "messages", messages);
}

/* `refreshed` NULL: nobody was asked. */
static json_t *
make_object(const struct target *target, const bool *refreshed)
{
	const struct status *status = &target->status;
	json_t *root = json_object();
	char *options;

	set_number(root, "schema_version", 1);
	set_number(root, "process", (uint64_t)target->proc.pid);
	if (refreshed)
		set(root, "refreshed", json_boolean(*refreshed));
	set_string(root, "version", status->version);
	set_number(root, "pid", status->pid);
	set_number(root, "start_ticks", status->start_ticks);
	set_number(root, "ppid", status->ppid);
	set_string(root, "exe", status->exe);
	set_string(root, "state", status->state_name);
	set_string(root, "reason", status->reason);
	options = overlay_spoken(status->options);
	set_string(root, "options", options);
	free(options);
	set_string(root, "mode", status->mode);
	set_number(root, "sample", status->sample);
	set_string(root, "unwind", status->unwind);
	set_path(root, "out", target, status->out);
	set_string(root, "out_note", status->out_note);
	set_signal(root, "signal", status->signal);
	set_string(root, "signal_note", status->signal_note);
	set_signal(root, "bell", status->bell);
	set_string(root, "bell_note", status->bell_note);
	set_number(root, "helper", status->helper);
	set_number(root, "sequence", status->sequence);
	set_path(root, "snapshot", target, status->snapshot);
	set_number(root, "snapshot_ns", status->snapshot_ns);
	set_string(root, "error", status->error);
	set_number(root, "updated_ns", status->updated_ns);
	set_number(root, "cpu_ns", status->cpu_ns);
	set_total(root, "live_objects", status, status->live_objects);
	set_total(root, "live_bytes", status, status->live_bytes);
	set_total(root, "alloc_objects", status, status->alloc_objects);
	set_total(root, "alloc_bytes", status, status->alloc_bytes);
	set_total(root, "free_objects", status, status->free_objects);
	set_total(root, "free_bytes", status, status->free_bytes);
	set_number(root, "threads_running", status->threads_running);
	set_number(root, "threads_unjoined", status->threads_unjoined);
	set_number(root, "own_bytes", status->own_bytes);
	set_number(root, "longest_hold_ns", status->longest_hold_ns);
	set_losses(root, status);
	set_messages(root, status);
	return root;
}

struct json_t *
status_json_object(const struct target *target)
{
	return make_object(target, NULL);
}

static char *
print(json_t *take_root)
{
	char *text = json_dumps(take_root, JSON_INDENT(2));

	json_decref(take_root);
	return text;
}

char *
status_json(const struct target *target, bool refreshed)
{
	return print(make_object(target, &refreshed));
}

struct json_t *
status_json_list(void)
{
	return json_array();
}

void
status_json_append(struct json_t *list, const struct target *target)
{
	json_array_append_new(list, status_json_object(target));
}

char *
status_json_print(struct json_t *take_list)
{
	json_t *root = json_object();

	set_number(root, "schema_version", 1);
	set(root, "processes", take_list);
	return print(root);
}
