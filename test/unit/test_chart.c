/* What is kept of a process, over longer than it is kept. */
#include <jansson.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../companion/chart.h"

#define HOUR_S 3600
#define NOON_S 1000000ull
#define NS_PER_S 1000000000ull

/* A process that grows by a kilobyte a second. */
static struct pulse
pulse_at(uint64_t s)
{
	struct pulse pulse = {
		.wall_ns = (NOON_S + s) * NS_PER_S,
		.cpu_s = (double)s,
	};

	pulse.usage.rss_bytes = s * 2000;
	pulse.totals.counted = true;
	pulse.totals.counted_ns = pulse.wall_ns;
	pulse.totals.live_bytes = s * 1000;
	return pulse;
}

static void
add_hour(struct chart *chart, uint64_t hour)
{
	uint64_t s;

	for (s = hour * HOUR_S; s < (hour + 1) * HOUR_S; s++) {
		const struct pulse pulse = pulse_at(s);

		chart_add(chart, &pulse);
		if (s % 10 == 0) {
			const struct ledger ledger = { .present = true };
			struct strbuf report = { 0 };

			strbuf_addf(&report, "{\"at\":%d}", (int)(s % 1000));
			chart_set_report(chart, report, &ledger, 5000000, 1);
		}
	}
}

static json_t *
data_of(struct chart *chart)
{
	struct strbuf text = { 0 };
	json_t *data;

	strbuf_adds(&text, "{");
	chart_add_data(&text, chart);
	strbuf_adds(&text, "}");
	data = json_loads(strbuf_text(&text), 0, NULL);
	strbuf_release(&text);
	assert_non_null(data);
	return data;
}

static json_int_t
value(const json_t *data, const char *name, size_t i)
{
	return json_integer_value(
		json_array_get(json_object_get(data, name), i));
}

static void
ten_hours_need_no_more_memory_than_one(void **state)
{
	struct chart *chart = chart_new();
	size_t first = 0, bytes;
	uint64_t hour;

	(void)state;
	for (hour = 0; hour < 10; hour++) {
		add_hour(chart, hour);
		bytes = mallinfo2().uordblks + mallinfo2().hblkhd;
		if (!hour)
			first = bytes;
		assert_int_equal(bytes, first);
	}
	chart_free(chart);
}

static void
it_shows_the_last_hour_in_order(void **state)
{
	struct chart *chart = chart_new();
	json_t *data;
	size_t i;

	(void)state;
	add_hour(chart, 0);
	add_hour(chart, 1);
	/* And a part of the third. */
	for (i = 0; i < 100; i++) {
		const struct pulse pulse = pulse_at(2 * HOUR_S + i);

		chart_add(chart, &pulse);
	}
	data = data_of(chart);
	assert_int_equal(json_array_size(json_object_get(data, "time_ms")),
			 CHART_POINTS);
	for (i = 0; i < CHART_POINTS; i++) {
		json_int_t s = (json_int_t)(HOUR_S + 100 + i);

		assert_int_equal(value(data, "time_ms", i),
				 ((json_int_t)NOON_S + s) * 1000);
		assert_int_equal(value(data, "live_bytes", i), s * 1000);
		assert_int_equal(value(data, "rss_bytes", i), s * 2000);
		assert_int_equal(value(data, "cpu_ms", i), s * 1000);
	}
	json_decref(data);
	chart_free(chart);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_hours_need_no_more_memory_than_one),
		cmocka_unit_test(it_shows_the_last_hour_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
