/* Command lines of wrappers: what they start, and what becomes of the
 * environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../companion/wrapper.h"

#include "../../analyzer/strbuf.h"

struct line {
	const char *text; /* words are parted by single spaces, in ' ' none */
	const char *expected; /* NULL = nothing to unwrap */
	const char *drops;    /* NULL = LD_PRELOAD lasts */
	const char *assigned; /* joined by spaces */
};

/* Like a shell, as far as it is needed here: '...' is one word. */
static void
read_words(struct words *words, const char *text)
{
	struct strbuf word = { 0 };
	char end;

	while (*text) {
		end = *text == '\'' ? '\'' : ' ';
		text += end == '\'';
		strbuf_clear(&word);
		for (; *text && *text != end; text++)
			strbuf_addc(&word, *text);
		words_add(words, strbuf_text(&word));
		text += end == '\'' && *text;
		text += *text == ' ';
	}
	strbuf_release(&word);
}

static char *
join(const struct words *words)
{
	struct strbuf text = { 0 };
	size_t i;

	strbuf_adds(&text, "");
	for (i = 0; i < words->count; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", words->at[i]);
	return strbuf_detach(&text);
}

static void
assert_line(const struct line *line)
{
	struct wrapper_effect effect = { .drops = NULL };
	struct words words = { 0 };
	char *got, *assigned;
	bool unwrapped;

	read_words(&words, line->text);
	unwrapped = wrapper_unwrap(&words, &effect);
	got = join(&words);
	assigned = join(&effect.assigned);
	if (unwrapped != (line->expected != NULL) ||
	    (unwrapped && strcmp(got, line->expected) != 0))
		fail_msg("'%s' became '%s'", line->text, got);
	if (strcmp(effect.drops ? effect.drops : "lasts",
		   line->drops ? line->drops : "lasts") != 0)
		fail_msg("'%s' drops by '%s'", line->text, effect.drops);
	assert_string_equal(assigned, line->assigned ? line->assigned : "");
	free(assigned);
	free(got);
	words_release(&effect.assigned);
	words_release(&words);
}

static void
command_behind_is_found(void **state)
{
	static const struct line lines[] = {
		{ "nice prog -n 5", "prog -n 5", NULL, NULL },
		{ "nice -n 5 prog", "prog", NULL, NULL },
		{ "nice -n5 prog", "prog", NULL, NULL },
		{ "nice --adjustment=5 prog", "prog", NULL, NULL },
		{ "/usr/bin/nohup prog a b", "prog a b", NULL, NULL },
		{ "timeout 5 prog", "prog", NULL, NULL },
		{ "timeout -vk 3 -s KILL 5 prog", "prog", NULL, NULL },
		{ "timeout -- 5 prog", "prog", NULL, NULL },
		{ "taskset -c 0-3 prog", "prog", NULL, NULL },
		{ "stdbuf -oL -e 0 prog", "prog", NULL, NULL },
		{ "timeout 5", NULL, NULL, NULL },
		{ "timeout", NULL, NULL, NULL },
		{ "nice -n", NULL, NULL, NULL },
		{ "nice", NULL, NULL, NULL },
		{ "prog nice", NULL, NULL, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line(&lines[i]);
}

static void
env_tells_what_it_does(void **state)
{
	static const struct line lines[] = {
		{ "env prog A=b", "prog A=b", NULL, NULL },
		{ "env A=b C= prog", "prog", NULL, "A=b C=" },
		{ "env -u A -C / prog", "prog", NULL, NULL },
		{ "env -- A=b prog", "prog", NULL, "A=b" },
		{ "env -- -x=1 prog", "-x=1 prog", NULL, NULL },
		{ "env - A=b prog", "prog", "env -i", "A=b" },
		{ "env -i prog", "prog", "env -i", NULL },
		{ "env -u LD_PRELOAD prog", "prog", "env -u", NULL },
		{ "env --unset=LD_PRELOAD prog", "prog", "env -u", NULL },
		{ "env LD_PRELOAD=x prog", "prog", "env LD_PRELOAD=...",
		  "LD_PRELOAD=x" },
		{ "env LD_PRELOAD=/l/libleakshim.so prog", "prog", NULL,
		  "LD_PRELOAD=/l/libleakshim.so" },
		{ "env -S 'A=b  prog -x' y", "prog -x y", NULL, "A=b" },
		{ "env '-Sprog x' y", "prog x y", NULL, NULL },
		{ "env '--split-string=-i prog'", "prog", "env -i", NULL },
		{ "env -S '-S a'", "a", NULL, NULL },
		{ "env", NULL, NULL, NULL },
		{ "env -u", NULL, NULL, NULL },
		{ "env -S", NULL, NULL, NULL },
		{ "env -S ''", NULL, NULL, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line(&lines[i]);
}

static void
shell_with_one_command_is_it(void **state)
{
	static const struct line lines[] = {
		{ "sh -c 'prog a b'", "prog a b", NULL, NULL },
		{ "bash -c ' exec  prog a'", "prog a", NULL, NULL },
		{ "/bin/sh -c 'A=b prog'", "env A=b prog", NULL, NULL },
		{ "sh -c 'prog; other'", NULL, NULL, NULL },
		{ "sh -c 'prog >file'", NULL, NULL, NULL },
		{ "sh -c 'prog \"a b\"'", NULL, NULL, NULL },
		{ "sh -c '$prog'", NULL, NULL, NULL },
		{ "sh -c 'prog *'", NULL, NULL, NULL },
		{ "sh -c ''", NULL, NULL, NULL },
		{ "sh -c", NULL, NULL, NULL },
		{ "sh script -c prog", NULL, NULL, NULL },
		{ "sh", NULL, NULL, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_line(&lines[i]);
}

static void
splitting_ends(void **state)
{
	struct wrapper_effect effect = { .drops = NULL };
	struct words words = { 0 };
	int i;

	(void)state;
	words_add(&words, "env");
	for (i = 0; i < 100; i++)
		words_add(&words, "-S-S");
	/* Whatever it says, it says it. */
	if (wrapper_unwrap(&words, &effect))
		assert_true(words.count > 0);
	words_release(&effect.assigned);
	words_release(&words);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_behind_is_found),
		cmocka_unit_test(env_tells_what_it_does),
		cmocka_unit_test(shell_with_one_command_is_it),
		cmocka_unit_test(splitting_ends),
	};

	return cmocka_run_group_tests_name("wrapper", tests, NULL, NULL);
}
