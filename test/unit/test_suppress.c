/* Suppressions: patterns, files, and which rows they claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/suppress.h"
#include "../../analyzer/xalloc.h"
#include "named.h"

static const struct {
	const char *pattern;
	const char *name;
	bool matches;
} pairs[] = {
	{ "foo", "foo", true },       { "foo", "a foo b", true },
	{ "foo", "fo", false },       { "^foo", "foobar", true },
	{ "^foo", "a foo", false },   { "foo$", "a foo", true },
	{ "foo$", "foobar", false },  { "^foo$", "foo", true },
	{ "^foo$", "foofoo", false }, { "foo$", "foo foo", true },
	{ "a*b", "axxb", true },      { "a*b", "xaxxbx", true },
	{ "a*b", "ba", false },       { "^a*b$", "ab", true },
	{ "^a*b$", "aba", false },    { "^a*b$", "abab", true },
	{ "^ab*ab$", "ab", false },   { "^ab*ab$", "abab", true },
	{ "*", "x", true },           { "^*foo", "a foo", true },
	{ "foo*$", "foo bar", true }, { "a**b", "ab", true },
	{ "^", "x", true },           { "^$", "x", false },
	{ "*", "", false },           { "foo", "", false },
	{ "a^b", "a^b", true },
};

static void
patterns_match_as_the_leak_sanitizers_do(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (suppress_matches(pairs[i].pattern, pairs[i].name) ==
		    pairs[i].matches)
			continue;
		fail_msg("%s on %s", pairs[i].pattern, pairs[i].name);
	}
}

/* Backtracking would take until the end of the world. */
static void
hostile_pattern_costs_no_more_than_its_length(void **state)
{
	char pattern[SUPPRESS_PATTERN_BYTES + 1];
	char *name = xmalloc(1 << 20);
	size_t i;

	(void)state;
	for (i = 0; i + 1 < sizeof(pattern); i++)
		pattern[i] = i % 2 ? '*' : 'a';
	pattern[i - 2] = 'b';
	pattern[i - 1] = '$';
	pattern[i] = '\0';
	memset(name, 'a', (1 << 20) - 1);
	name[(1 << 20) - 1] = '\0';
	for (i = 0; i < 100; i++)
		assert_false(suppress_matches(pattern, name));
	free(name);
}

static int
parse(struct suppress *suppress, const char *text, struct err *err)
{
	return suppress_parse(suppress, "my.supp", text, strlen(text), err);
}

static void
bad_lines_are_named_by_file_and_line(void **state)
{
	static const struct {
		const char *text;
		const char *message;
	} bad[] = {
		{ "leak:a\n\n# x\nrace:b\n",
		  "'my.supp', line 4: no suppression: expected leak:PATTERN, "
		  "thread:PATTERN or once:N:PATTERN" },
		{ "leak:\n", "'my.supp', line 1: no pattern: it would match "
			     "all" },
		{ "leak: \r\n", "'my.supp', line 1: no pattern: it would "
				"match all" },
		{ "leak:a$b\n", "'my.supp', line 1: '$' is the end of a name: "
				"nothing can follow it" },
		{ "leak:a\x1b[31m\n",
		  "'my.supp', line 1: a control character" },
		{ "once:foo\n",
		  "'my.supp', line 1: 'once:' takes a number of objects from "
		  "1 to 65536 and a pattern, as in "
		  "once:3:^_IO_file_doallocate$" },
		{ "once:0:foo\n",
		  "'my.supp', line 1: 'once:' takes a number of objects from "
		  "1 to 65536 and a pattern, as in "
		  "once:3:^_IO_file_doallocate$" },
		{ "once:65537:foo",
		  "'my.supp', line 1: 'once:' takes a number of objects from "
		  "1 to 65536 and a pattern, as in "
		  "once:3:^_IO_file_doallocate$" },
	};
	struct suppress *suppress = suppress_new();
	struct strbuf before = { 0 }, after = { 0 };
	size_t i;

	(void)state;
	suppress_print(suppress, false, &before);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = { 0 };

		assert_int_equal(parse(suppress, bad[i].text, &err), -1);
		assert_string_equal(err.text, bad[i].message);
	}
	/* Nothing of a bad file is in force. */
	suppress_print(suppress, false, &after);
	assert_string_equal(strbuf_text(&before), strbuf_text(&after));
	strbuf_release(&before);
	strbuf_release(&after);
	suppress_free(suppress);
}

static void
files_are_bounded(void **state)
{
	struct suppress *suppress = suppress_new();
	struct strbuf text = { 0 };
	struct err err = { 0 };
	size_t i;

	(void)state;
	strbuf_adds(&text, "leak:");
	for (i = 0; i <= SUPPRESS_PATTERN_BYTES; i++)
		strbuf_addc(&text, 'a');
	assert_int_equal(parse(suppress, strbuf_text(&text), &err), -1);
	assert_string_equal(err.text, "'my.supp', line 1: a pattern of more "
				      "than 1024 bytes");
	strbuf_clear(&text);
	for (i = 0; i <= SUPPRESS_RULES_MAX; i++)
		strbuf_addf(&text, "leak:a%zu\n", i);
	assert_int_equal(parse(suppress, strbuf_text(&text), &err), -1);
	assert_non_null(strstr(err.text, "more than 4096 suppressions in all"));
	while (text.len <= SUPPRESS_FILE_BYTES)
		strbuf_adds(&text, "# again and again and again\n");
	assert_int_equal(parse(suppress, strbuf_text(&text), &err), -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	strbuf_release(&text);
	suppress_free(suppress);
}

static void
comments_blanks_and_white_space_are_skipped(void **state)
{
	struct suppress *suppress = suppress_new();
	struct strbuf text = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(parse(suppress,
			       "# one\n\n  \t\n   leak: foo bar  \r\n"
			       "thread:pool",
			       &err),
			 0);
	suppress_print(suppress, false, &text);
	assert_non_null(
		strstr(strbuf_text(&text),
		       "\n# from my.supp\nleak:foo bar\nthread:pool\n"));
	strbuf_release(&text);
	suppress_free(suppress);
}

static void
what_is_printed_loads_and_changes_nothing(void **state)
{
	struct suppress *suppress = suppress_new();
	struct strbuf text = { 0 }, again = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(parse(suppress, "leak:mine\nonce:7:^its$\n", &err), 0);
	suppress_print(suppress, false, &text);
	assert_int_equal(parse(suppress, strbuf_text(&text), &err), 0);
	suppress_print(suppress, false, &again);
	assert_string_equal(strbuf_text(&text), strbuf_text(&again));
	strbuf_release(&text);
	strbuf_release(&again);
	suppress_free(suppress);
}

/* --- rows ------------------------------------------------------------------- */

/* The fates of the sites of one snapshot under some rules. */
static struct comparison *
apply(const struct named_site *sites, const char *rules,
      struct suppress **suppress, named_change *change)
{
	struct model *models[] = { named_model(1, 10, sites, change) };
	struct comparison *made = named_study(models, 1);
	struct err err;

	*suppress = suppress_new();
	assert_int_equal(parse(*suppress, rules, &err), 0);
	suppress_apply(*suppress, made->part.diff, made->study.resolver);
	return made;
}

static bool
is_suppressed(const struct comparison *made, const char *function)
{
	const struct row *row = named_row(made, function);

	assert_non_null(row);
	return row->fate == FATE_SUPPRESSED;
}

static void
leak_is_searched_for_in_every_frame(void **state)
{
	static const struct named_site sites[] = {
		{ "inner@app < middle@app < main@app", 1, 8, false },
		{ "other@libplugin.so < main@app", 1, 8, false },
		{ "mine@app < main@app", 1, 8, false },
		{ "spawn@app < middle@app < main@app", 1, 0, true },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made = apply(
		sites, "leak:^middle$\nleak:/libplugin.so\n", &suppress, NULL);

	(void)state;
	assert_true(is_suppressed(made, "inner"));
	assert_false(named_row(made, "inner")->is_builtin);
	assert_true(is_suppressed(made, "other"));
	assert_false(is_suppressed(made, "mine"));
	assert_false(is_suppressed(made, "spawn"));
	suppress_free(suppress);
	named_free(made);
}

static void
sources_match_and_allocators_never_do(void **state)
{
	static const struct named_site sites[] = {
		{ "mine@app < main@app", 1, 8, false },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made = apply(
		sites, "leak:libleakshim\nleak:^malloc$\n", &suppress, NULL);

	(void)state;
	assert_false(is_suppressed(made, "mine"));
	suppress_free(suppress);
	named_free(made);
	made = apply(sites, "leak:src/file.c\n", &suppress, NULL);
	assert_true(is_suppressed(made, "mine"));
	suppress_free(suppress);
	named_free(made);
}

static void
thread_is_for_threads_alone(void **state)
{
	static const struct named_site sites[] = {
		{ "mine@app < pool@app < main@app", 1, 8, false },
		{ "spawn@app < pool@app < main@app", 1, 0, true },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made =
		apply(sites, "thread:pool\n", &suppress, NULL);

	(void)state;
	assert_false(is_suppressed(made, "mine"));
	assert_true(is_suppressed(made, "spawn"));
	suppress_free(suppress);
	named_free(made);
}

/* The C++ library's pool; a stream's buffer; and next to them what looks the
 * same but is somebody's. */
static void
built_in_ones_hide_no_leak_of_the_program(void **state)
{
	static const struct named_site sites[] = {
		{ "?a@libstdc++.so.6 < call_init@ld-linux-x86-64.so.2 < "
		  "_dl_init@ld-linux-x86-64.so.2",
		  1, 72704, false },
		{ "_IO_file_doallocate@libc.so.6 < printf@libc.so.6 < "
		  "main@app",
		  1, 4096, false },
		/* A library's constructor, at the same place. */
		{ "constructor@libmine.so < call_init@ld-linux-x86-64.so.2 < "
		  "_dl_init@ld-linux-x86-64.so.2",
		  1, 8, false },
		{ "callback@app < _IO_file_doallocate@libc.so.6 < "
		  "printf@libc.so.6 < main@app",
		  1, 8, false },
		{ "fopen@libc.so.6 < main@app", 1, 472, false },
		{ "strdup@libc.so.6 < main@app", 1, 8, false },
		{ "main@app < __libc_start_main@libc.so.6", 1, 8, false },
		{ "setlocale@app < main@app", 1, 8, false },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made = apply(sites, "", &suppress, NULL);

	(void)state;
	assert_true(is_suppressed(made, "?a"));
	assert_true(is_suppressed(made, "_IO_file_doallocate"));
	assert_true(named_row(made, "?a")->is_builtin);
	assert_false(is_suppressed(made, "constructor"));
	assert_false(is_suppressed(made, "callback"));
	assert_false(is_suppressed(made, "fopen"));
	assert_false(is_suppressed(made, "strdup"));
	assert_false(is_suppressed(made, "main"));
	assert_false(is_suppressed(made, "setlocale"));
	suppress_free(suppress);
	named_free(made);
}

static void
once_allows_so_many_and_no_more(void **state)
{
	static const struct named_site sites[] = {
		{ "three@libc.so.6 < main@app", 3, 24, false },
		{ "four@libc.so.6 < main@app", 4, 32, false },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made =
		apply(sites, "once:3:three\nonce:3:four\n", &suppress, NULL);

	(void)state;
	assert_true(is_suppressed(made, "three"));
	assert_false(is_suppressed(made, "four"));
	suppress_free(suppress);
	named_free(made);
}

static void
make_a_sample(struct snapgen *gen)
{
	snapgen_header(gen)->sample_bytes = 1 << 19;
}

/* One block of 4 KiB that was sampled stands for 128 of them. */
static void
once_counts_what_a_sample_saw(void **state)
{
	static const struct named_site sites[] = {
		{ "one@libc.so.6 < main@app", 128, 128 * 4096, false },
		{ "many@libc.so.6 < main@app", 128 * 5, 128 * 4096 * 5, false },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made = apply(sites, "once:3:one\nonce:3:many\n",
					&suppress, make_a_sample);

	(void)state;
	assert_true(is_suppressed(made, "one"));
	assert_false(is_suppressed(made, "many"));
	suppress_free(suppress);
	named_free(made);
}

static void
want_of_names_is_told(void **state)
{
	static const struct named_site sites[] = {
		{ "?in@libc.so.6 < ?out@libc.so.6 < main@app", 1, 8, false },
		{ "?deep@libc.so.6 < getaddrinfo@libc.so.6 < main@app", 1, 8,
		  false },
		{ "?own@libc.so.6 < asprintf@libc.so.6 < main@app", 1, 8,
		  false },
		{ "mine@app < main@app", 1, 8, false },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made = apply(sites, "", &suppress, NULL);
	struct resolver *resolver = made->study.resolver;

	(void)state;
	assert_true(
		suppress_is_unsure(suppress, resolver, named_row(made, "?in")));
	assert_true(suppress_is_unsure(suppress, resolver,
				       named_row(made, "?deep")));
	assert_false(suppress_is_unsure(suppress, resolver,
					named_row(made, "?own")));
	assert_false(suppress_is_unsure(suppress, resolver,
					named_row(made, "mine")));
	suppress_free(suppress);
	named_free(made);
}

static void
matches_are_counted_by_the_first_that_claims(void **state)
{
	static const struct named_site sites[] = {
		{ "mine@app < main@app", 3, 1000, false },
		{ "yours@app < main@app", 2, 500, false },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made =
		apply(sites, "leak:mine\nleak:yours\nleak:m*e\nleak:nobody\n",
		      &suppress, NULL);
	struct strbuf text = { 0 };

	(void)state;
	suppress_print(suppress, true, &text);
	assert_non_null(strstr(strbuf_text(&text),
			       "# from my.supp\n"
			       "# matched 1 site, 1,000 bytes in 3 objects\n"
			       "leak:mine\n"
			       "# matched 1 site, 500 bytes in 2 objects\n"
			       "leak:yours\n"
			       "# matched 0 sites, 0 bytes in 0 objects\n"
			       "leak:m*e\n"
			       "# matched 0 sites, 0 bytes in 0 objects\n"
			       "leak:nobody\n"));
	strbuf_release(&text);
	suppress_free(suppress);
	named_free(made);
}

/* Each process may hold as much as fits, and there may be any number. */
static void
matches_of_many_processes_are_bounded(void **state)
{
	static const struct named_site sites[] = {
		{ "mine@app < main@app", 3, UINT64_C(1) << 61, false },
		{ 0 },
	};
	struct suppress *suppress;
	struct comparison *made = apply(sites, "leak:mine\n", &suppress, NULL);
	struct strbuf text = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		named_row(made, "mine")->fate = FATE_LISTED;
		suppress_apply(suppress, made->part.diff, made->study.resolver);
	}
	suppress_print(suppress, true, &text);
	assert_non_null(strstr(strbuf_text(&text),
			       "# matched 6 sites, 9,223,372,036,854,775,807 "
			       "bytes in 18 objects\n"));
	strbuf_release(&text);
	suppress_free(suppress);
	named_free(made);
}

/* By function both stacks are one class; one of them is suppressed. */
static void
classes_are_divided_by_what_suppresses(void **state)
{
	static const struct named_site sites[] = {
		{ "mine@app < good@app < main@app", 1, 8, false },
		{ "mine@app < bad@app < main@app", 1, 16, false },
		{ 0 },
	};
	struct model *models[] = { named_model(1, 10, sites, NULL) };
	struct comparison *made = named_study(models, 1);
	struct study *study = &made->study;
	struct suppress *suppress = suppress_new();
	struct study_part *part = &made->part;
	struct err err;

	(void)state;
	assert_int_equal(parse(suppress, "leak:good\n", &err), 0);
	diff_free(part->diff);
	classes_free(part->heap);
	part->heap = classes_new(study->atlas, study->resolver, GROUP_FUNCTION,
				 false, true);
	assert_int_equal(part->heap->count, 1);
	suppress_divide(suppress, study->atlas, study->resolver, ROW_HEAP,
			part->heap);
	part->diff = diff_new(part->history, part->heap, part->threads);
	made->diff = part->diff;
	suppress_apply(suppress, part->diff, study->resolver);
	assert_int_equal(part->diff->count[ROW_HEAP], 2);
	assert_int_equal(part->diff->rows[0].live_new.bytes, 16);
	assert_int_equal(part->diff->rows[0].fate, FATE_LISTED);
	assert_string_equal(part->diff->rows[0].label, "mine");
	assert_int_equal(part->diff->rows[1].fate, FATE_SUPPRESSED);
	suppress_free(suppress);
	named_free(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_the_leak_sanitizers_do),
		cmocka_unit_test(hostile_pattern_costs_no_more_than_its_length),
		cmocka_unit_test(bad_lines_are_named_by_file_and_line),
		cmocka_unit_test(files_are_bounded),
		cmocka_unit_test(comments_blanks_and_white_space_are_skipped),
		cmocka_unit_test(what_is_printed_loads_and_changes_nothing),
		cmocka_unit_test(leak_is_searched_for_in_every_frame),
		cmocka_unit_test(sources_match_and_allocators_never_do),
		cmocka_unit_test(thread_is_for_threads_alone),
		cmocka_unit_test(built_in_ones_hide_no_leak_of_the_program),
		cmocka_unit_test(once_allows_so_many_and_no_more),
		cmocka_unit_test(once_counts_what_a_sample_saw),
		cmocka_unit_test(want_of_names_is_told),
		cmocka_unit_test(matches_are_counted_by_the_first_that_claims),
		cmocka_unit_test(matches_of_many_processes_are_bounded),
		cmocka_unit_test(classes_are_divided_by_what_suppresses),
	};

	return cmocka_run_group_tests_name("suppress", tests, NULL, NULL);
}
