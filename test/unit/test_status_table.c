/* What `leakshim list` makes of status files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/xalloc.h"
#include "../../companion/status_table.h"
#include "../../companion/target.h"
#include "../../proto/status.h"

#define HEAD LKS_STATUS_MAGIC "\npid=7\nstart_ticks=99\n"
#define NOW_NS 5000000000

static void
add(struct status_table *table, pid_t pid, const char *text)
{
	struct target target;
	struct err err;

	memset(&target, 0, sizeof(target));
	target.proc.pid = pid;
	assert_int_equal(status_parse(&target.status, xstrdup(text),
				      strlen(text), "x", &err),
			 0);
	status_table_add(table, &target, NOW_NS);
	status_release(&target.status);
}

static void
assert_printed(struct status_table *table, const char *expected)
{
	struct strbuf text = { 0 };

	status_table_print(table, &text);
	assert_string_equal(strbuf_text(&text), expected);
	strbuf_release(&text);
	status_table_release(table);
}

static void
columns_line_up(void **state)
{
	struct status_table table = { 0 };

	(void)state;
	add(&table, 7,
	    HEAD "state=on\nmode=exact\nsample=1\nlive_bytes=2048\n"
		 "updated_ns=3000000000\nown_bytes=1048576\nexe=/bin/x\n"
		 "sequence=3\nsnapshot_ns=4000000000\n");
	add(&table, 123456,
	    HEAD "state=dormant\nmode=sampled\nsample=524288\n"
		 "updated_ns=6000000000\nown_bytes=0\nexe=/bin/long\n");
	assert_printed(
		&table,
		"   PID  STATE    MODE                    LIVE      AS OF      "
		"OWN  LOST  LAST SNAPSHOT        PROGRAM\n"
		"     7  on       exact                2.0 KiB  2.0 s ago  "
		"1.0 MiB     0  number 3, 1.0 s ago  /bin/x\n"
		"123456  dormant  sampled (512.0 KiB)        -        now      "
		"0 B     0  none yet             /bin/long\n");
}

static void
losses_are_summed_and_thinning_is_a_mode(void **state)
{
	struct status_table table = { 0 };

	(void)state;
	add(&table, 7,
	    HEAD "state=on\nmode=exact\nsample=1\nloss.unknown_frees=40\n"
		 "loss.dropped_allocs=2\nloss.thinning_shift=3\n"
		 "updated_ns=5000000000\n");
	assert_printed(&table,
		       "PID  STATE  MODE     LIVE  AS OF  OWN  LOST  LAST "
		       "SNAPSHOT  PROGRAM\n"
		       "  7  on     thinned     -    now  0 B    42  none "
		       "yet       -\n");
}

static void
hostile_names_are_defused(void **state)
{
	struct status_table table = { 0 };

	(void)state;
	add(&table, 7,
	    HEAD "state=on\nmode=a%1Bb\nsample=1\nexe=/x%0A8  on\n"
		 "updated_ns=5000000000\n");
	assert_printed(&table,
		       "PID  STATE  MODE    LIVE  AS OF  OWN  LOST  LAST "
		       "SNAPSHOT  PROGRAM\n"
		       "  7  on     a\\x1bb     -    now  0 B     0  none "
		       "yet       /x\\n8  on\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(losses_are_summed_and_thinning_is_a_mode),
		cmocka_unit_test(hostile_names_are_defused),
	};

	return cmocka_run_group_tests_name("status_table", tests, NULL, NULL);
}
