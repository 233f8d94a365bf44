/* The list of marks: order, bounds, and threads that write it at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../preload/counters.h"
#include "../../preload/marks.h"

#define THREADS 4
#define EACH 1000

static struct lks_mark marks[LKS_MARKS_MAX];

static int
begin(void **state)
{
	(void)state;
	lks_marks_fork_child();
	lks_counters_clear();
	return 0;
}

static void
add(const char *text)
{
	assert_true(lks_marks_add(text, strlen(text)));
}

static const char *
text_of(const struct lks_mark *mark)
{
	static char text[LKS_MARK_BYTES];

	memcpy(text, mark->text, mark->length);
	text[mark->length] = '\0';
	return text;
}

static void
marks_come_back_in_order_with_both_times(void **state)
{
	(void)state;
	assert_int_equal(lks_marks_copy(marks), 0);
	add("reload 1");
	add("reload 2");
	assert_int_equal(lks_marks_copy(marks), 2);
	assert_string_equal(text_of(&marks[0]), "reload 1");
	assert_string_equal(text_of(&marks[1]), "reload 2");
	assert_true(marks[0].monotonic_ns > 0);
	assert_true(marks[1].monotonic_ns >= marks[0].monotonic_ns);
	/* 2020: it is the wall clock. */
	assert_true(marks[0].wall_ns > 1577836800000000000u);
}

static void
oldest_falls_out_and_is_counted(void **state)
{
	char text[16];

	(void)state;
	for (int i = 0; i < LKS_MARKS_MAX + 3; i++) {
		snprintf(text, sizeof(text), "%d", i);
		add(text);
	}
	assert_int_equal(lks_marks_copy(marks), LKS_MARKS_MAX);
	assert_string_equal(text_of(&marks[0]), "3");
	snprintf(text, sizeof(text), "%d", LKS_MARKS_MAX + 2);
	assert_string_equal(text_of(&marks[LKS_MARKS_MAX - 1]), text);
	assert_int_equal(lks_count_get(marks_lost), 3);
}

/* Bytes, not a text. */
static void
overwrite(char *at, const char *bytes)
{
	for (; *bytes; bytes++)
		*at++ = *bytes;
}

static void
long_text_is_cut_between_characters(void **state)
{
	char text[LKS_MARK_BYTES + 8];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_true(lks_marks_add(text, sizeof(text)));
	/* A character of two bytes, half of it beyond the end. */
	overwrite(text + LKS_MARK_BYTES - 2, "\xc3\xa9");
	assert_true(lks_marks_add(text, sizeof(text)));
	/* Of three, two of them. */
	overwrite(text + LKS_MARK_BYTES - 3, "\xe2\x82\xac");
	assert_true(lks_marks_add(text, sizeof(text)));
	/* It just fits. */
	overwrite(text + LKS_MARK_BYTES - 4, "\xe2\x82\xacx");
	assert_true(lks_marks_add(text, sizeof(text)));
	assert_int_equal(lks_marks_copy(marks), 4);
	assert_int_equal(marks[0].length, LKS_MARK_BYTES - 1);
	assert_int_equal(marks[1].length, LKS_MARK_BYTES - 2);
	assert_int_equal(marks[2].length, LKS_MARK_BYTES - 3);
	assert_int_equal(marks[3].length, LKS_MARK_BYTES - 1);
}

static void *
add_many(void *unused)
{
	for (int i = 0; i < EACH; i++)
		lks_marks_add("thread", 6);
	return unused;
}

/* Kept, fallen out, or refused and counted: never gone in silence. */
static void
marks_of_many_threads_are_kept_or_counted(void **state)
{
	pthread_t threads[THREADS];
	uint32_t kept;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, add_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	kept = lks_marks_copy(marks);
	assert_int_equal(kept, LKS_MARKS_MAX);
	assert_int_equal(lks_count_get(marks_lost) + kept, THREADS * EACH);
	for (uint32_t i = 0; i < kept; i++) {
		assert_string_equal(text_of(&marks[i]), "thread");
		if (i > 0)
			assert_true(marks[i].monotonic_ns >=
				    marks[i - 1].monotonic_ns);
	}
}

static void
forked_child_begins_without(void **state)
{
	(void)state;
	add("the parent's");
	lks_marks_fork_child();
	assert_int_equal(lks_marks_copy(marks), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(marks_come_back_in_order_with_both_times,
				       begin),
		cmocka_unit_test_setup(oldest_falls_out_and_is_counted, begin),
		cmocka_unit_test_setup(long_text_is_cut_between_characters,
				       begin),
		cmocka_unit_test_setup(
			marks_of_many_threads_are_kept_or_counted, begin),
		cmocka_unit_test_setup(forked_child_begins_without, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
