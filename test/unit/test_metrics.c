/* Prometheus's text, of a process that only pretends to be tracked. promtool
 * reads it in test/e2e/serve.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../companion/metrics.h"
#include "../../companion/workers.h"
#include "fake_target.h"

static void
assert_value(const char *text, const char *value)
{
	struct strbuf out = { 0 };

	metrics_add_value(&out, text);
	assert_string_equal(strbuf_text(&out), value);
	strbuf_release(&out);
}

static void
labels_can_hold_whatever_a_function_is_called(void **state)
{
	(void)state;
	assert_value("", "");
	assert_value("std::vector<int>", "std::vector<int>");
	assert_value("operator\"\"_x", "operator\\\"\\\"_x");
	assert_value("a\\b", "a\\\\b");
	assert_value("h\xc3\xa9", "h\xc3\xa9");
	/* Line ends and what is not UTF-8 are written out. */
	assert_value("a\nb\rc\xff", "a\\\\nb\\\\x0dc\\\\xff");
}

static void
assert_has(const struct http_reply *reply, const char *part)
{
	if (!strstr(reply->body.data, part))
		fail_msg("no '%s' in:\n%s", part, reply->body.data);
}

/* Each name once, with its type before its lines. */
static void
assert_grouped(const char *text)
{
	char name[128] = "", seen[200][128];
	size_t count = 0, i;

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (!strncmp(text, "# TYPE ", 7)) {
			assert_int_equal(sscanf(text, "# TYPE %127s", name), 1);
			for (i = 0; i < count; i++)
				assert_string_not_equal(seen[i], name);
			assert_true(count < 200);
			memcpy(seen[count++], name, sizeof(name));
		} else if (*text != '#') {
			assert_int_equal(strncmp(text, name, strlen(name)), 0);
			assert_true(text[strlen(name)] == ' ' ||
				    text[strlen(name)] == '{');
		}
		text += len + 1;
	}
	assert_true(count > 20);
}

static void
reply_for(struct serve *serve, struct http_reply *reply)
{
	*reply = (struct http_reply){ .status = 200, .fd = -1 };
	metrics_reply(serve, reply);
	assert_string_equal(reply->type,
			    "text/plain; version=0.0.4; charset=utf-8");
	strbuf_addc(&reply->body, '\0');
	assert_grouped(reply->body.data);
}

static void
one_process_has_no_labels_and_several_have(void **state)
{
	const struct fake_behaviour behaviour = {
		.extra = "exe=/opt/test_metrics \"a\"\n"
			 "live_objects=7\n"
			 "alloc_objects=9\nalloc_bytes=20000\n"
			 "free_objects=2\nfree_bytes=7655\n"
			 "loss.dropped_blocks=3\n"
			 "loss.unknown_frees=2\n",
	};
	struct serve serve = { .prefix = "" };
	struct fake_target one, two;
	struct http_reply reply;
	char line[200];
	struct err err;

	(void)state;
	serve.served = served_new();
	serve.askers = workers_new(SERVED_MAX);
	fake_target_start(&one, &behaviour);
	assert_int_equal(served_add(serve.served, one.pid, &err), 0);
	reply_for(&serve, &reply);
	assert_has(&reply, "\nleakshim_heap_inuse_bytes 12345\n");
	assert_has(&reply, "\nleakshim_heap_inuse_objects 7\n");
	assert_has(&reply, "\nleakshim_allocs_total 9\n");
	assert_has(&reply, "\nprocess_threads ");
	assert_has(&reply, "\nleakshim_state{state=\"on\"} 1\n");
	assert_has(&reply, "\nleakshim_state{state=\"dormant\"} 0\n");
	assert_has(&reply,
		   "\nleakshim_losses_total{kind=\"dropped_blocks\"} 3\n");
	assert_has(&reply,
		   "\nleakshim_losses_total{kind=\"unknown_frees\"} 2\n");
	/* Before there is any: or its first would be no increase. */
	assert_has(&reply,
		   "\nleakshim_losses_total{kind=\"dropped_frees\"} 0\n");
	assert_has(&reply, "\nleakshim_losses_total{kind=\"marks_lost\"} 0\n");
	strbuf_release(&reply.body);
	/* One today may be several tomorrow. */
	serve.labels = true;
	reply_for(&serve, &reply);
	snprintf(
		line, sizeof(line),
		"\nleakshim_heap_inuse_bytes{pid=\"%d\",exe=\"test_metrics \\\"a\\\"\"} "
		"12345\n",
		(int)one.pid);
	assert_has(&reply, line);
	strbuf_release(&reply.body);
	fake_target_start(&two, &behaviour);
	assert_int_equal(served_add(serve.served, two.pid, &err), 0);
	reply_for(&serve, &reply);
	assert_has(&reply, line);
	snprintf(line, sizeof(line), "{pid=\"%d\",exe=", (int)two.pid);
	assert_has(&reply, line);
	strbuf_release(&reply.body);
	fake_target_stop(&one);
	fake_target_stop(&two);
	workers_free(serve.askers);
	served_free(serve.served);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_can_hold_whatever_a_function_is_called),
		cmocka_unit_test(one_process_has_no_labels_and_several_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
