/* The HTML report's own part: the page around the JSON, and its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/html_page.h"

static struct html_template
page_of(const char *text)
{
	return (struct html_template){ text, strlen(text) };
}

/* The page that is written, which the caller frees. */
static char *
written(const char *page_text, const json_t *report)
{
	struct html_template page = page_of(page_text);
	struct err err = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(html_page_write(&page, report, out, &err), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), len);
	return text;
}

static void
report_takes_the_place_of_its_mark(void **state)
{
	json_t *report = json_pack("{s:[i, i]}", "a", 1, 2);
	char *page = written("<x>@REPORT@</x>@", report);

	(void)state;
	assert_string_equal(page, "<x>{\"a\":[1,2]}</x>@");
	free(page);
	json_decref(report);
}

static void
reals_have_the_digits_of_the_json_report(void **state)
{
	json_t *report = json_pack("[f]", 1234567890.125);
	char *page = written("@REPORT@", report);

	(void)state;
	assert_string_equal(page, "[1234567890.125]");
	free(page);
	json_decref(report);
}

static void
no_text_ends_the_element(void **state)
{
	static const char hostile[] = "</script><!--<script>&\xe2\x80\xa8"
				      "\xe2\x80\xa9@REPORT@";
	json_t *report = json_pack("{s:s}", hostile, hostile);
	char *page = written("@REPORT@", report);
	json_t *read;

	(void)state;
	assert_null(strchr(page, '<'));
	assert_null(strstr(page, "\xe2\x80"));
	assert_non_null(strstr(page, "\\u003c/script>"));
	read = json_loads(page, 0, NULL);
	assert_true(json_equal(read, report));
	json_decref(read);
	free(page);
	json_decref(report);
}

static void
without_a_page_says_what_to_do(void **state)
{
	struct html_template none = page_of("");
	struct html_template no_mark = page_of("<p>");
	struct err err = { 0 };
	json_t *report = json_object();

	(void)state;
	assert_int_equal(html_page_write(&none, report, stdout, &err), -1);
	assert_int_equal(err.code, ERR_WRITE);
	assert_string_equal(err.text,
			    "this leakdiff was built without the HTML page: "
			    "run 'make web' and 'make' again");
	assert_int_equal(html_page_write(&no_mark, report, stdout, &err), -1);
	assert_non_null(strstr(err.text, "no place for the report"));
	json_decref(report);
}

/* Built without a page or with a whole one. */
static void
embedded_page_has_one_place(void **state)
{
	struct html_template page = html_page_template();
	char *text = strndup(page.text, page.len);
	const char *mark = strstr(text, "@REPORT@");

	(void)state;
	if (page.len > 0) {
		assert_non_null(mark);
		assert_null(strstr(mark + 1, "@REPORT@"));
		assert_memory_equal(text, "<!DOCTYPE html>", 15);
		assert_non_null(strstr(mark, "</html>"));
	}
	free(text);
}

static json_t *
row(const char *function, const char *kind, int delta, int live)
{
	json_t *value = json_pack("{s:s, s:i, s:i, s:i}", "function", function,
				  "delta_bytes", delta, "live_bytes_new", live,
				  "stacks", 1);

	if (kind)
		json_object_set_new(value, "verdict",
				    json_pack("{s:s}", "kind", kind));
	return value;
}

static json_t *
report_of(json_t *heap)
{
	return json_pack("{s:[{s:o, s:[]}]}", "processes", "heap", heap,
			 "thread");
}

static const json_t *
heap_of(const json_t *report)
{
	return json_object_get(
		json_array_get(json_object_get(report, "processes"), 0),
		"heap");
}

static void
assert_row(const json_t *report, size_t index, const char *function)
{
	const json_t *found = json_array_get(heap_of(report), index);

	assert_string_equal(
		json_string_value(json_object_get(found, "function")),
		function);
}

static void
limit_keeps_leaks_then_the_largest_in_order(void **state)
{
	json_t *heap = json_array();
	json_t *report, *other;

	(void)state;
	json_array_append_new(heap, row("small", NULL, 1, 1));
	json_array_append_new(heap, row("large", "steady", 0, 900));
	json_array_append_new(heap, row("shrunk", NULL, -800, 0));
	json_array_append_new(heap, row("middle", NULL, 100, 700));
	json_array_append_new(heap, row("leak", "leak", 2, 2));
	report = report_of(heap);

	html_page_limit(report, 3);
	assert_int_equal(json_array_size(heap_of(report)), 4);
	assert_row(report, 0, "large");
	assert_row(report, 1, "shrunk");
	assert_row(report, 2, "leak");
	assert_row(report, 3, "[other]");
	other = json_array_get(heap_of(report), 3);
	assert_int_equal(
		json_integer_value(json_object_get(other, "delta_bytes")), 101);
	assert_int_equal(
		json_integer_value(json_object_get(other, "live_bytes_new")),
		701);
	assert_int_equal(json_integer_value(json_object_get(other, "stacks")),
			 2);
	assert_int_equal(json_array_size(json_object_get(other, "stack")), 0);
	assert_null(json_object_get(other, "running_new"));
	json_decref(report);
}

static void
limit_leaves_what_fits(void **state)
{
	json_t *heap = json_array();
	json_t *report, *copy;

	(void)state;
	json_array_append_new(heap, row("a", NULL, 1, 1));
	json_array_append_new(heap, row("b", NULL, 2, 2));
	report = report_of(heap);
	copy = json_deep_copy(report);
	html_page_limit(report, 2);
	assert_true(json_equal(report, copy));
	json_decref(copy);
	json_decref(report);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_takes_the_place_of_its_mark),
		cmocka_unit_test(reals_have_the_digits_of_the_json_report),
		cmocka_unit_test(no_text_ends_the_element),
		cmocka_unit_test(without_a_page_says_what_to_do),
		cmocka_unit_test(embedded_page_has_one_place),
		cmocka_unit_test(limit_keeps_leaks_then_the_largest_in_order),
		cmocka_unit_test(limit_leaves_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
