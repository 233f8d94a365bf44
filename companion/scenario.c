/*
 * What a scenario asks for. Variants and configurations are made first, each a
 * whole JSON object with its texts filled in: what takes one apart
 * (scenario_run.c) then knows nothing of them.
 */
#include "scenario_parts.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "scenario_get.h"

#define NAME_MAX_LEN 64
#define KEYS_MAX 64 /* scenario_keys has less */

/* Of a name, what can stand in a file's name. */
static void
add_safe(struct strbuf *out, const char *name)
{
	size_t i;

	for (i = 0; i < NAME_MAX_LEN && name[i]; i++)
		strbuf_addc(out, isalnum((unsigned char)name[i]) ||
						 strchr("._-", name[i])
					 ? name[i]
					 : '_');
}

/* One that nothing listens on now. 0: there is none. */
static uint64_t
free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	uint64_t port = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!bind(fd, (struct sockaddr *)&address, len) &&
	    !getsockname(fd, (struct sockaddr *)&address, &len))
		port = ntohs(address.sin_port);
	close(fd);
	return port;
}

struct making {
	struct scenario_set *set;
	const char *out;
	const char *dir;
	size_t count; /* of variants */
};

/* Adds the run of one variant. */
static int
add_run(struct making *making, const json_t *json, const char *name,
	const char *config, struct err *err)
{
	static const char *const names[] = { "out", "dir", "port", "config" };
	struct scenario_set *set = making->set;
	struct strbuf out = { 0 };
	const char *values[4];
	uint64_t port = free_port();
	char port_text[24];
	json_t *filled;

	strbuf_adds(&out, making->out);
	if (making->count > 1) {
		strbuf_addf(&out, "/%zu-", set->count + 1);
		add_safe(&out, name);
	}
	snprintf(port_text, sizeof(port_text), "%u", (unsigned int)port);
	values[0] = strbuf_text(&out);
	values[1] = making->dir;
	values[2] = port_text;
	values[3] = config;
	filled = scenario_fill(json, names, values, config ? 4 : 3);
	/* A directory's name need not be UTF-8. */
	json_object_set_new(filled, "#out", json_string_nocheck(values[0]));
	json_object_set_new(filled, "#dir", json_string_nocheck(values[1]));
	json_object_set_new(filled, "#port", json_integer((json_int_t)port));
	json_object_set_new(filled, "#name", json_string_nocheck(name));
	if (config)
		json_object_set_new(filled, "#config",
				    json_string_nocheck(config));
	strbuf_release(&out);
	if (scenario_take_apart(&set->runs[set->count], filled, err))
		return -1;
	set->count++;
	return 0;
}

/* One step stands for a list of one. */
static void
list_steps(json_t *json)
{
	json_t *step = json_object_get(json, "step"), *list;

	if (!json_is_object(step))
		return;
	list = json_array();
	json_array_append(list, step);
	json_object_set_new(json, "step", list);
}

static int
add_variants(struct making *making, const json_t *base, const json_t *ab,
	     struct err *err)
{
	static const char *const known[] = {
		"name", "command",         "env", "setup", "teardown", "ready",
		"step", "before-snapshot", NULL
	};
	json_t *json, *env, *value;
	const json_t *variant;
	const char *key, *name;
	size_t i;
	int result;

	for (i = 0; i < json_array_size(ab); i++) {
		variant = json_array_get(ab, i);
		name = i ? "B" : "A";
		if (!json_is_object(variant))
			return err_set(err, ERR_PATTERN,
				       "ab takes two objects");
		if (scenario_get_known(variant, known, "a variant", err) ||
		    scenario_get_text(variant, "name", &name, err))
			return -1;
		json = json_deep_copy(base);
		env = json_object_get(json, "env");
		json_incref(env);
		json_object_foreach((json_t *)(uintptr_t)variant, key, value)
		{
			/* Ours begin with '#', as comments do. */
			if (key[0] != '#')
				json_object_set(json, key, value);
		}
		json_object_del(json, "name");
		/* Its environment comes on top. */
		if (env && json_is_object(json_object_get(variant, "env"))) {
			json_object_update(env,
					   json_object_get(variant, "env"));
			json_object_set(json, "env", env);
		}
		json_decref(env);
		list_steps(json);
		result = add_run(making, json, name, NULL, err);
		json_decref(json);
		if (result)
			return -1;
	}
	return 0;
}

static int
add_configs(struct making *making, const json_t *base, const json_t *files,
	    struct err *err)
{
	static const char *const dir[] = { "dir" };
	json_t *filled = scenario_fill(files, dir, &making->dir, 1);
	int result = 0;
	size_t i;

	for (i = 0; i < json_array_size(filled) && !result; i++) {
		const char *file = json_string_value(json_array_get(filled, i));
		const char *slash = strrchr(file, '/');

		if (access(file, R_OK) < 0)
			result = err_set(err, ERR_PATTERN,
					 "step config: cannot read the file "
					 "'%s'",
					 file);
		else
			result = add_run(making, base, slash ? slash + 1 : file,
					 file, err);
	}
	json_decref(filled);
	return result;
}

/* Takes the config step out of the list: it is about whole runs. */
static int
take_configs(json_t *steps, json_t **files, struct err *err)
{
	static const char *const known[] = { "kind", "files", NULL };
	const char *kind;
	json_t *step;
	size_t i;

	for (i = 0; i < json_array_size(steps);) {
		step = json_array_get(steps, i);
		kind = json_string_value(json_object_get(step, "kind"));
		if (!kind || strcmp(kind, "config") != 0) {
			i++;
			continue;
		}
		if (*files)
			return err_set(err, ERR_PATTERN,
				       "step config: one list of files will "
				       "do");
		if (scenario_get_known(step, known, "a step of kind config",
				       err) ||
		    scenario_get_list(step, "files", SCENARIO_VARIANTS_MAX,
				      files, err))
			return -1;
		if (!*files)
			return err_set(err, ERR_PATTERN,
				       "step config: files is missing");
		json_array_remove(steps, i);
	}
	return 0;
}

static int
check_top(json_t *json, struct err *err)
{
	const char *known[KEYS_MAX + 1];
	const json_t *step;
	const json_t *ab = json_object_get(json, "ab");
	size_t i;

	for (i = 0; i < scenario_key_count && i < KEYS_MAX; i++)
		known[i] = scenario_keys[i].name;
	known[i] = NULL;
	if (scenario_get_known(json, known, "a scenario", err))
		return -1;
	if (ab && (!json_is_array(ab) || json_array_size(ab) != 2))
		return err_set(err, ERR_PATTERN,
			       "ab takes two variants, not %zu",
			       json_is_array(ab) ? json_array_size(ab) : 1);
	list_steps(json);
	step = json_object_get(json, "step");
	if (step && !json_is_array(step))
		return err_set(err, ERR_PATTERN,
			       "step takes an object or an array of them");
	if (json_array_size(step) > SCENARIO_STEPS_MAX)
		return err_set(err, ERR_PATTERN, "step takes at most %d",
			       SCENARIO_STEPS_MAX);
	return 0;
}

/* Without comments: ours begin with '#' as well. {dir} is the same in all runs,
 * and may stand in the names of configurations. */
static json_t *
prepare(const struct scenario_source *source)
{
	static const char *const names[] = { "dir" };
	const char *values[] = { source->dir };
	json_t *copy = scenario_fill(source->json, names, values, 1), *value;
	const char *key;
	void *next;

	json_object_foreach_safe(copy, next, key, value)
	{
		if (key[0] == '#')
			json_object_del(copy, key);
	}
	return copy;
}

int
scenario_set_init(struct scenario_set *set,
		  const struct scenario_source *source, const char *out,
		  struct err *err)
{
	struct making making = { .set = set, .out = out, .dir = source->dir };
	json_t *json = prepare(source);
	json_t *files = NULL, *ab = NULL;
	int result;

	*set = (struct scenario_set){ 0 };
	result = check_top(json, err);
	if (!result)
		result = take_configs(json_object_get(json, "step"), &files,
				      err);
	ab = json_incref(json_object_get(json, "ab"));
	json_object_del(json, "ab");
	if (!result && files && ab)
		result = err_set(err, ERR_PATTERN,
				 "ab and a step of kind config: both are "
				 "about whole runs");
	making.count = files ? json_array_size(files)
		       : ab  ? json_array_size(ab)
			     : 1;
	set->runs = xcalloc(making.count + 1, sizeof(*set->runs));
	set->is_ab = ab != NULL;
	set->is_config = files != NULL;
	if (!result && files)
		result = add_configs(&making, json, files, err);
	else if (!result && ab)
		result = add_variants(&making, json, ab, err);
	else if (!result)
		result = add_run(&making, json, "", NULL, err);
	json_decref(files);
	json_decref(ab);
	json_decref(json);
	if (result)
		scenario_set_release(set);
	return result;
}

void
scenario_set_release(struct scenario_set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		scenario_release(&set->runs[i]);
	free(set->runs);
	*set = (struct scenario_set){ 0 };
}
