#include "wrapper.h"

#include <string.h>

#include "../analyzer/path.h"
#include "overlay.h"

/* env -S within env -S: more is nobody's command line. */
#define SPLITS_MAX 16

static const struct wrapper {
	const char *name;
	/* Letters of the options that take the next word, if none is in the
	 * same. */
	const char *with_argument;
	/* Words before the command that are no options. */
	unsigned int operands;
} wrappers[] = {
	{ "env", "uC", 0 },         { "nice", "n", 0 },
	{ "nohup", "", 0 },         { "setsid", "", 0 },
	{ "timeout", "ks", 1 },     { "stdbuf", "ioe", 0 },
	{ "ionice", "cn", 0 },      { "chrt", "TPD", 1 },
	{ "taskset", "", 1 },       { "time", "fo", 0 },
	{ "choom", "n", 0 },        { "prlimit", "", 0 },
	{ "numactl", "ipmNCP", 0 },
};

#define WRAPPERS (sizeof(wrappers) / sizeof(wrappers[0]))

static const struct wrapper *
find_wrapper(const char *base)
{
	size_t i;

	for (i = 0; i < WRAPPERS; i++)
		if (!strcmp(base, wrappers[i].name))
			return &wrappers[i];
	return NULL;
}

/* env -i, -u NAME and NAME=VALUE, at words[i]; the words that it took. */
static size_t
take_env_word(struct words *words, struct wrapper_effect *effect, size_t i)
{
	char **at = words->at;
	const char *word = at[i];

	if (!strcmp(word, "-") || !strcmp(word, "-i") ||
	    !strcmp(word, "--ignore-environment")) {
		effect->drops = "env -i";
		return 1;
	}
	if ((!strcmp(word, "-u") || !strcmp(word, "--unset")) && at[i + 1]) {
		if (!strcmp(at[i + 1], "LD_PRELOAD"))
			effect->drops = "env -u";
		return 2;
	}
	if (!strcmp(word, "-uLD_PRELOAD") ||
	    !strcmp(word, "--unset=LD_PRELOAD")) {
		effect->drops = "env -u";
		return 1;
	}
	if (!strncmp(word, "LD_PRELOAD=", 11) && !strstr(word, OVERLAY_LIBRARY))
		effect->drops = "env LD_PRELOAD=...";
	if (word[0] == '-' || !strchr(word, '='))
		return 0;
	words_add(&effect->assigned, word);
	return 1;
}

/* Words of an option at words[i]; 0: it is none. */
static size_t
take_option(const struct wrapper *wrapper, char *const *words, size_t i)
{
	const char *word = words[i], *letter;

	if (word[0] != '-' || !word[1])
		return 0;
	if (word[1] == '-')
		return 1;
	for (letter = word + 1; *letter; letter++)
		if (strchr(wrapper->with_argument, *letter))
			return letter[1] || !words[i + 1] ? 1 : 2;
	return 1;
}

/* env -S 'WORDS': what follows the option becomes words of the line. */
static bool
split_words(struct words *words, size_t i)
{
	const char *word = words->at[i], *text;
	struct words other = { 0 };
	size_t used = 1;

	if (!strncmp(word, "--split-string=", 15))
		text = word + 15;
	else if (!strncmp(word, "-S", 2) && word[2])
		text = word + 2;
	else if ((!strcmp(word, "-S") || !strcmp(word, "--split-string")) &&
		 words->at[i + 1])
		text = words->at[i + used++];
	else
		return false;
	words_add(&other, "env");
	words_split(&other, text);
	words_add_all(&other, words->at + i + used);
	words_become(words, &other);
	return true;
}

/* What the wrapper becomes takes the place of the line. False: nothing. */
static bool
unwrap(struct words *words, const struct wrapper *wrapper,
       struct wrapper_effect *effect)
{
	bool is_env = !strcmp(wrapper->name, "env");
	unsigned int operands = wrapper->operands;
	struct words other = { 0 };
	size_t i = 1, used, splits = 0;

	while (words->at[i]) {
		if (is_env && splits < SPLITS_MAX && split_words(words, i)) {
			splits++;
			i = 1;
			continue;
		}
		if (!strcmp(words->at[i], "--")) {
			i++;
			break;
		}
		used = is_env ? take_env_word(words, effect, i) : 0;
		if (!used)
			used = take_option(wrapper, words->at, i);
		if (!used)
			break;
		i += used;
	}
	/* What follows -- is no option, and "-x=1" no name. */
	while (is_env && words->at[i] && words->at[i][0] != '-' &&
	       strchr(words->at[i], '='))
		i += take_env_word(words, effect, i);
	while (operands && words->at[i]) {
		operands--;
		i++;
	}
	if (!words->at[i])
		return false;
	words_add_all(&other, words->at + i);
	words_become(words, &other);
	return true;
}

/* The one simple command of sh -c 'COMMAND' takes the place of the line. False
 * if it is not simple. */
static bool
unwrap_shell(struct words *words)
{
	static const char special[] = "|&;<>()$`\\\"'*?[]#~{}!\n";
	struct words other = { 0 }, rest = { 0 };
	char **at = words->at;
	const char *text;

	if (!at[1] || strcmp(at[1], "-c") != 0 || !at[2])
		return false;
	text = at[2];
	if (text[strcspn(text, special)])
		return false;
	words_split(&other, text);
	if (other.count > 1 && !strcmp(other.at[0], "exec")) {
		words_add_all(&rest, other.at + 1);
		words_become(&other, &rest);
	}
	/* An assignment before the command is env's business. */
	if (other.count && strchr(other.at[0], '=')) {
		words_add(&rest, "env");
		words_add_all(&rest, other.at);
		words_become(&other, &rest);
	}
	if (!other.count) {
		words_release(&other);
		return false;
	}
	words_become(words, &other);
	return true;
}

bool
wrapper_is_shell(const char *base)
{
	static const char *const shells[] = { "sh",  "bash", "dash",
					      "ash", "ksh",  "zsh" };
	size_t i;

	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (!strcmp(base, shells[i]))
			return true;
	return false;
}

bool
wrapper_is(const char *base)
{
	return find_wrapper(base) != NULL;
}

bool
wrapper_unwrap(struct words *words, struct wrapper_effect *effect)
{
	const char *base = path_base(words->at[0]);
	const struct wrapper *wrapper = find_wrapper(base);

	if (wrapper)
		return unwrap(words, wrapper, effect);
	return wrapper_is_shell(base) && unwrap_shell(words);
}
