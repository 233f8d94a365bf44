/*
 * A leak on purpose, for a soak to find: a module of redis-server that loses
 * some bytes at each SET.
 *
 *	redis-server --loadmodule plant_redis.so BYTES
 *
 * Redis hands its API out by name, through the first word of the context; only
 * the few names used here are declared (https://redis.io/docs/reference/modules).
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MODULE_OK 0
#define MODULE_ERR 1
#define MODULE_API_VERSION 1

typedef int get_api(const char *name, void *function);
typedef void command_filter(void *filtered);

static const char *(*string_bytes)(const void *string, size_t *len);
static const void *(*filtered_word)(void *filtered, int position);

static size_t leak_bytes;
static void *volatile lost;

/* The name that a report must show: not static, so that it is in the dynamic
 * table, which strip leaves alone. */
void plant_leak_for_a_command(void);

__attribute__((noinline)) void
plant_leak_for_a_command(void)
{
	lost = malloc(leak_bytes);
}

/* Redis calls it before each command. */
static void
before_command(void *filtered)
{
	const void *word = filtered_word(filtered, 0);
	size_t len = 0;
	const char *name = word ? string_bytes(word, &len) : "";

	if (len == 3 && strncasecmp(name, "SET", 3) == 0)
		plant_leak_for_a_command();
}

int RedisModule_OnLoad(void *context, void **words, int count);

int
RedisModule_OnLoad(void *context, void **words, int count)
{
	get_api *get = *(get_api **)context;
	int (*set_attributes)(void *, const char *, int, int);
	void *(*register_filter)(void *, command_filter *, int);
	size_t len;

	if (count != 1 ||
	    get("RedisModule_SetModuleAttribs", &set_attributes) ||
	    get("RedisModule_RegisterCommandFilter", &register_filter) ||
	    get("RedisModule_CommandFilterArgGet", &filtered_word) ||
	    get("RedisModule_StringPtrLen", &string_bytes))
		return MODULE_ERR;
	set_attributes(context, "plant", 1, MODULE_API_VERSION);
	leak_bytes = strtoul(string_bytes(words[0], &len), NULL, 10);
	return register_filter(context, before_command, 0) ? MODULE_OK
							   : MODULE_ERR;
}
