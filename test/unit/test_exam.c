/* Findings, their report, and the exams that need no program. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../companion/debian.h"
#include "../../companion/exam.h"
#include "../../companion/exam_place.h"
#include "../../companion/exam_process.h"
#include "../../companion/exam_report.h"
#include "../../companion/exam_surroundings.h"
#include "../../companion/memory_limit.h"

static char top[32];

static int
set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/lks-exam-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int
tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* The path of a file below `top`, in which `text` is now. */
static const char *
write_file(const char *name, const char *text)
{
	static char path[128];
	char *slash;
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	for (slash = path + strlen(top) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	return path;
}

/* --- findings and report ---------------------------------------------------- */

static void
every_id_has_a_text_of_its_own(void **state)
{
	unsigned int i, j;

	(void)state;
	for (i = 0; i < EXAM_IDS; i++) {
		assert_non_null(exam_id_text(i));
		assert_non_null(exam_id_title(i));
		for (j = 0; j < i; j++)
			assert_string_not_equal(exam_id_text(i),
						exam_id_text(j));
	}
}

static void
report_has_the_worst_first_and_sums_up(void **state)
{
	static const char narrow[] = "tracking would be blind:\n"
				     "          statically\n"
				     "          linked\n"
				     "blind     no library\n"
				     "          gets in there\n";
	struct page page = { .width = 0 };
	struct exam exam = { 0 };

	(void)state;
	assert_string_equal(exam_report_verdict(&exam), "works");
	exam_add(&exam, EXAM_TRACKED, EXAM_OK, "fine");
	exam_add(&exam, EXAM_BUILD_ID, EXAM_NOTE, "a note");
	exam_fix(&exam, "help");
	assert_string_equal(exam_report_verdict(&exam), "works");
	exam_add(&exam, EXAM_SPACE, EXAM_WARNING, "only %d left", 5);
	exam_add(&exam, EXAM_OUTPUT, EXAM_WARNING, "not\nthere");
	exam_add(&exam, EXAM_SPACE, EXAM_WARNING, "again");
	exam_report_text(&page, &exam, "it");
	assert_string_equal(strbuf_text(&page.text),
			    "it: tracking will work, but: little space left, "
			    "output not writable\n"
			    "warning   only 5 left\n"
			    "warning   not\\nthere\n"
			    "warning   again\n"
			    "note      a note\n"
			    "          fix: help\n"
			    "ok        fine\n");
	assert_string_equal(exam_report_verdict(&exam), "limited");
	page_release(&page);
	page.width = 24;
	exam_add(&exam, EXAM_STATIC, EXAM_BLIND, "no library gets in there");
	exam_report_text(&page, &exam, "");
	assert_memory_equal(strbuf_text(&page.text), narrow,
			    sizeof(narrow) - 1);
	assert_string_equal(exam_report_verdict(&exam), "blind");
	page_release(&page);
	exam_release(&exam);
}

/* --- a process -------------------------------------------------------------- */

static void
secure_is_what_the_vector_says(void **state)
{
	Elf64_auxv_t vector[3] = { { .a_type = AT_PAGESZ },
				   { .a_type = AT_SECURE },
				   { .a_type = AT_NULL } };

	(void)state;
	vector[0].a_un.a_val = 4096;
	assert_false(exam_process_is_secure(vector, sizeof(vector)));
	vector[1].a_un.a_val = 1;
	assert_true(exam_process_is_secure(vector, sizeof(vector)));
	/* Cut in the entry. */
	assert_false(exam_process_is_secure(vector, sizeof(vector[0]) + 15));
	assert_false(exam_process_is_secure(vector, 0));
}

static void
ptrace_is_told_where_it_is_restricted(void **state)
{
	struct exam exam = { 0 };

	(void)state;
	exam_process_ptrace(&exam, "/nonexistent");
	exam_process_ptrace(&exam, write_file("scope", "0\n"));
	assert_false(exam_has(&exam, EXAM_PTRACE));
	exam_process_ptrace(&exam, write_file("scope", "1\n"));
	assert_true(exam_has(&exam, EXAM_PTRACE));
	assert_int_equal(exam_verdict(&exam), EXAM_NOTE);
	exam_release(&exam);
}

/* --- where it runs ---------------------------------------------------------- */

static void
tables_must_fit_the_cgroup(void **state)
{
	struct exam_place place;
	struct exam exam = { 0 };

	(void)state;
	exam_place_here(&place);
	place.address_space_bytes = UINT64_MAX;
	/* By default an eighth of it is taken. */
	exam_place_setenv(&place, "LEAKSHIM=");
	place.cgroup_bytes = 1u << 30;
	exam_surroundings_memory(&exam, &place);
	assert_false(exam_has(&exam, EXAM_MEMORY));
	/* But not less than 8M. */
	place.cgroup_bytes = 16u << 20;
	exam_surroundings_memory(&exam, &place);
	assert_true(exam_has(&exam, EXAM_MEMORY));
	exam_release(&exam);
	memset(&exam, 0, sizeof(exam));
	place.cgroup_bytes = 1u << 30;
	exam_place_setenv(&place, "LEAKSHIM=memory=512M");
	exam_surroundings_memory(&exam, &place);
	assert_true(exam_has(&exam, EXAM_MEMORY));
	exam_release(&exam);
	exam_place_release(&place);
}

static void
last_assignment_holds(void **state)
{
	struct exam_place place;

	(void)state;
	exam_place_here(&place);
	assert_null(exam_place_getenv(&place, "LKS_NO_SUCH"));
	exam_place_setenv(&place, "LKS_NO_SUCH=1");
	exam_place_setenv(&place, "LKS_NO_SUCH_OTHER=2");
	exam_place_setenv(&place, "LKS_NO_SUCH=");
	assert_string_equal(exam_place_getenv(&place, "LKS_NO_SUCH"), "");
	assert_string_equal(exam_place_getenv(&place, "LKS_NO_SUCH_OTHER"),
			    "2");
	exam_place_release(&place);
}

/* Of another user, who is nobody of ours. */
static void
access_is_what_the_bits_say(void **state)
{
	struct exam_place place;
	char path[64], below[80];

	(void)state;
	exam_place_here(&place);
	place.uid = 4000000;
	place.gid = 4000001;
	free(place.groups);
	place.groups = NULL;
	place.group_count = 0;
	snprintf(path, sizeof(path), "%s/dir", top);
	snprintf(below, sizeof(below), "%s/dir/below", top);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mkdir(below, 0777), 0);
	assert_int_equal(chmod(below, 0777), 0);
	assert_int_equal(chmod(top, 0711), 0);
	assert_int_equal(exam_place_access(&place, path, X_OK), -1);
	/* Not through what is closed. */
	assert_int_equal(exam_place_access(&place, below, W_OK | X_OK), -1);
	assert_int_equal(chmod(path, 0701), 0);
	assert_int_equal(exam_place_access(&place, path, X_OK), 0);
	assert_int_equal(exam_place_access(&place, path, W_OK), -1);
	assert_int_equal(exam_place_access(&place, below, W_OK | X_OK), 0);
	/* The group's bits count for its members, and alone. */
	place.gid = getegid();
	assert_int_equal(exam_place_access(&place, path, X_OK), -1);
	assert_int_equal(chmod(path, 0710), 0);
	assert_int_equal(exam_place_access(&place, path, X_OK), 0);
	exam_place_release(&place);
}

static uint64_t
limit_of(const char *membership)
{
	char v2[64], v1[64], path[128];

	snprintf(v2, sizeof(v2), "%s/v2", top);
	snprintf(v1, sizeof(v1), "%s/v1", top);
	snprintf(path, sizeof(path), "%s",
		 write_file("membership", membership));
	return memory_limit_below(path, v2, v1);
}

static void
tightest_limit_on_the_way_up_holds(void **state)
{
	(void)state;
	write_file("v2/a/b/memory.max", "max\n");
	write_file("v2/a/memory.max", "1000000\n");
	write_file("v2/memory.max", "9000000\n");
	write_file("v1/x/memory.limit_in_bytes", "9223372036854771712\n");
	write_file("v1/memory.limit_in_bytes", "5000\n");
	assert_int_equal(limit_of("0::/a/b\n"), 1000000);
	assert_int_equal(limit_of("0::/\n"), 9000000);
	assert_int_equal(limit_of("0::/../other\n"), 9000000);
	assert_int_equal(limit_of("0::/no/such\n"), 9000000);
	assert_int_equal(limit_of("5:cpu,memory:/x\n0::/a\n"), 5000);
	assert_int_equal(limit_of("5:memoryless:/x\n0::/a\n"), 1000000);
	assert_int_equal(limit_of(""), 0);
	assert_int_equal(limit_of("nonsense\n:\n::\n"), 0);
	assert_int_equal(memory_limit_of("/nonexistent"), 0);
}

static void
package_is_the_one_that_lists_the_file(void **state)
{
	char *package;

	(void)state;
	write_file("one.list", "/.\n/bin\n/bin/prog\n");
	write_file("two:amd64.list", "/.\n/usr/lib/libtwo.so.2\n");
	write_file("three.md5sums", "/bin/three\n");
	package = debian_package(top, "/bin/prog");
	assert_string_equal(package, "one");
	free(package);
	/* dpkg knows it by the name before /bin became a link. */
	package = debian_package(top, "/usr/bin/prog");
	assert_string_equal(package, "one");
	free(package);
	package = debian_package(top, "/usr/lib/libtwo.so.2");
	assert_string_equal(package, "two");
	free(package);
	assert_null(debian_package(top, "/bin/pro"));
	assert_null(debian_package(top, "/bin/three"));
	assert_null(debian_package(top, "in/prog"));
	assert_null(debian_package("/nonexistent", "/bin/prog"));
}

#define EXAM_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EXAM_TEST(every_id_has_a_text_of_its_own),
		EXAM_TEST(report_has_the_worst_first_and_sums_up),
		EXAM_TEST(secure_is_what_the_vector_says),
		EXAM_TEST(ptrace_is_told_where_it_is_restricted),
		EXAM_TEST(tables_must_fit_the_cgroup),
		EXAM_TEST(last_assignment_holds),
		EXAM_TEST(access_is_what_the_bits_say),
		EXAM_TEST(tightest_limit_on_the_way_up_holds),
		EXAM_TEST(package_is_the_one_that_lists_the_file),
	};

	return cmocka_run_group_tests_name("exam", tests, NULL, NULL);
}
