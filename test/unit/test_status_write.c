#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/counters.h"
#include "../../preload/depot.h"
#include "../../preload/ident.h"
#include "../../preload/msg.h"
#include "../../preload/site.h"
#include "../../preload/status.h"
#include "../../proto/status.h"
#include "preload_env.h"

static char path[256];

/* The file where proto/status.h says it is. */
static void
find_file(void)
{
	struct stat st;

	snprintf(path, sizeof(path), "/run/user/%u", geteuid());
	if (stat(path, &st) == 0 && st.st_uid == geteuid())
		strcat(path, "/leakshim");
	else
		snprintf(path, sizeof(path), "/tmp/leakshim-%u", geteuid());
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%lu-%d",
		 (unsigned long)lks_ident.pid_namespace, getpid());
}

static char *
read_file(void)
{
	size_t bytes;

	find_file();
	return preload_env_read(path, &bytes);
}

static void
assert_line(const char *text, const char *line)
{
	char wanted[512];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (strstr(text, wanted) == NULL)
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void
file_has_magic_first_and_what_was_told(void **state)
{
	struct lks_status status = {
		.with_totals = true,
		.sequence = 3,
		.tokens = { 77, 78 },
		.token_count = 2,
	};
	char *text;

	(void)state;
	preload_env_boot("depth=9");
	lks_count_add(unknown_frees, 5);
	assert_true(lks_status_write(&status));
	text = read_file();
	assert_non_null(text);
	assert_memory_equal(text, LKS_STATUS_MAGIC "\n",
			    strlen(LKS_STATUS_MAGIC) + 1);
	assert_line(text, "sequence=3");
	assert_line(text, "token=77");
	assert_line(text, "token=78");
	assert_line(text, "mode=exact");
	assert_line(text, "live_bytes=0");
	assert_line(text, "loss.unknown_frees=5");
	assert_non_null(strstr(text, ",depth=9,"));
	assert_null(strstr(text, "loss.late_calls"));
	free(text);
}

static void
more_freed_than_allocated_is_nothing_live(void **state)
{
	struct lks_status status = { .with_totals = true };
	uint64_t code = 0x401000;
	struct lks_stack site = lks_depot_intern(&code, 1, false);
	char *text;

	(void)state;
	/* As in the middle of thinning. */
	lks_site_alloc(lks_heap_sites, site, 0, 1, 100);
	lks_site_free(lks_heap_sites, site, 0, 2, 200);
	assert_true(lks_status_write(&status));
	text = read_file();
	assert_line(text, "live_objects=0");
	assert_line(text, "live_bytes=0");
	assert_line(text, "free_bytes=200");
	free(text);
	lks_site_alloc(lks_heap_sites, site, 0, 1, 100);
}

static void
file_is_private(void **state)
{
	struct lks_status status = { .sequence = 0 };
	struct stat st;

	(void)state;
	assert_true(lks_status_write(&status));
	find_file();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void
control_bytes_are_escaped(void **state)
{
	struct lks_status status = { .sequence = 0 };
	char *text;

	(void)state;
	snprintf(lks_ident.exe, sizeof(lks_ident.exe), "/a%%b\nstate=x\x7f");
	assert_true(lks_status_write(&status));
	text = read_file();
	assert_line(text, "exe=/a%25b%0Astate=x%7F");
	free(text);
	lks_ident_init();
}

static void
file_is_replaced_whole_and_leaves_no_other(void **state)
{
	struct lks_status status = { .sequence = 1 };
	struct stat before;
	struct stat after;

	(void)state;
	assert_true(lks_status_write(&status));
	find_file();
	assert_int_equal(stat(path, &before), 0);
	assert_true(lks_status_write(&status));
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	strcat(path, ".tmp");
	assert_int_not_equal(access(path, F_OK), 0);
}

static void
leftover_of_a_killed_writer_is_no_hindrance(void **state)
{
	struct lks_status status = { .sequence = 9 };
	FILE *file;
	char *text;

	(void)state;
	find_file();
	strcat(path, ".tmp");
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_true(lks_status_write(&status));
	text = read_file();
	assert_line(text, "sequence=9");
	free(text);
}

static void
fork_child_writes_no_totals_and_removal_removes(void **state)
{
	struct lks_status status = { .with_totals = false };
	char *text;

	(void)state;
	assert_true(lks_status_write(&status));
	text = read_file();
	assert_null(strstr(text, "live_bytes"));
	free(text);
	lks_status_remove();
	assert_int_not_equal(access(path, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_has_magic_first_and_what_was_told),
		cmocka_unit_test(more_freed_than_allocated_is_nothing_live),
		cmocka_unit_test(file_is_private),
		cmocka_unit_test(control_bytes_are_escaped),
		cmocka_unit_test(file_is_replaced_whole_and_leaves_no_other),
		cmocka_unit_test(leftover_of_a_killed_writer_is_no_hindrance),
		cmocka_unit_test(
			fork_child_writes_no_totals_and_removal_removes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
