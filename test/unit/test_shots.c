/* Which files of a directory are a process's snapshots. */
#include <fcntl.h>
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

#include "../../companion/shots.h"

static char directory[] = "/tmp/shots-XXXXXX";
static struct shot shots[SHOTS_MAX];
static struct err err;

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void
put(const char *name)
{
	FILE *out = fopen(name, "w");

	assert_non_null(out);
	fputs(name, out);
	assert_int_equal(fclose(out), 0);
}

/* A process whose out= is that base name in the test's directory. */
static void
fill(struct served_process *process, char *out, size_t cap, const char *base)
{
	memset(process, 0, sizeof(*process));
	snprintf(out, cap, "%s/%s", directory, base);
	process->pid = 4711;
	process->target.status.out = out;
	process->target.place.prefix[0] = '\0';
	process->target.who.effective_uid = geteuid();
	pthread_mutex_init(&process->lock, NULL);
}

static void
row_is_what_out_names_with_a_number(void **state)
{
	static const char *const others[] = {
		"a.0.snap",
		"a.01.snap",
		"a.x.snap",
		"a..snap",
		"a.1.snapx",
		"b.1.snap",
		"xa.1.snap",
		"a.-1.snap",
		"a.1",
		".a.1.snap",
		"a.99999999999999999999999.snap",
	};
	struct served_process process;
	char out[100];
	size_t i;
	int count, fd;

	(void)state;
	fill(&process, out, sizeof(out), "a.%n.snap");
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		put(others[i]);
	assert_int_equal(shots_list(&process, shots, &err), 0);
	put("a.10.snap");
	put("a.2.snap");
	put("a.1.snap");
	count = shots_list(&process, shots, &err);
	assert_int_equal(count, 3);
	assert_int_equal(shots[0].number, 1);
	assert_int_equal(shots[1].number, 2);
	assert_int_equal(shots[2].number, 10);
	assert_int_equal(shots[2].bytes, strlen("a.10.snap"));
	fd = shots_open(&process, 10, &err);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(shots_open(&process, 3, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
	pthread_mutex_destroy(&process.lock);
}

static void
what_others_plant_does_not_count(void **state)
{
	struct served_process process;
	char out[100];

	(void)state;
	fill(&process, out, sizeof(out), "p.%n.snap");
	put("real");
	assert_int_equal(symlink("real", "p.1.snap"), 0);
	assert_int_equal(link("real", "p.2.snap"), 0);
	assert_int_equal(mkdir("p.3.snap", 0700), 0);
	assert_int_equal(mkfifo("p.4.snap", 0600), 0);
	if (geteuid() == 0) {
		put("p.5.snap");
		assert_int_equal(chown("p.5.snap", 65534, 65534), 0);
	}
	assert_int_equal(shots_list(&process, shots, &err), 0);
	for (uint64_t number = 1; number <= 5; number++)
		assert_int_equal(shots_open(&process, number, &err), -1);
	/* They may be the process's own user's. */
	if (geteuid() == 0) {
		process.target.who.effective_uid = 65534;
		assert_int_equal(shots_list(&process, shots, &err), 1);
		assert_int_equal(shots[0].number, 5);
	}
	pthread_mutex_destroy(&process.lock);
}

static void
out_without_numbers_is_no_row(void **state)
{
	struct served_process process;
	char out[100];

	(void)state;
	fill(&process, out, sizeof(out), "one.snap");
	assert_int_equal(shots_list(&process, shots, &err), -1);
	assert_non_null(strstr(err.text, "does not number its snapshots"));
	fill(&process, out, sizeof(out), "gone/%n.snap");
	assert_int_equal(shots_list(&process, shots, &err), -1);
	assert_int_equal(err.code, ERR_OPEN);
	pthread_mutex_destroy(&process.lock);
}

static void
long_row_shows_its_newest(void **state)
{
	struct served_process process;
	char out[100], name[40];
	int i;

	(void)state;
	fill(&process, out, sizeof(out), "l%n");
	for (i = 1; i <= SHOTS_MAX + 5; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		put(name);
	}
	assert_int_equal(shots_list(&process, shots, &err), SHOTS_MAX);
	assert_int_equal(shots[0].number, 6);
	assert_int_equal(shots[SHOTS_MAX - 1].number, SHOTS_MAX + 5);
	pthread_mutex_destroy(&process.lock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_is_what_out_names_with_a_number),
		cmocka_unit_test(what_others_plant_does_not_count),
		cmocka_unit_test(out_without_numbers_is_no_row),
		cmocka_unit_test(long_row_shows_its_newest),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
