/* The snapshot that is the asker's alone, as the shim writes it
 * (../../proto/status.h). */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/cloned.h"
#include "../../preload/ident.h"
#include "../../preload/job.h"
#include "../../preload/opts.h"
#include "../../preload/sink.h"
#include "../../preload/status.h"
#include "../../preload/trigger.h"
#include "../../proto/status.h"
#include "preload_env.h"

static char status_path[256], scrape_path[300];

static void
find_paths(void)
{
	struct stat st;

	snprintf(status_path, sizeof(status_path), "/run/user/%u", geteuid());
	if (stat(status_path, &st) == 0 && st.st_uid == geteuid())
		strcat(status_path, "/leakshim");
	else
		snprintf(status_path, sizeof(status_path), "/tmp/leakshim-%u",
			 geteuid());
	snprintf(status_path + strlen(status_path), 64, "/%lu-%d",
		 (unsigned long)lks_ident.pid_namespace, getpid());
	snprintf(scrape_path, sizeof(scrape_path), "%s.scrape", status_path);
}

static void
install(const char *name)
{
	char text[512];

	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	snprintf(text, sizeof(text), "out=%s,keep=2", preload_env_path(name));
	preload_env_boot(text);
	lks_trigger_init();
	find_paths();
	lks_job_first_status();
}

static void
ask(enum lks_bell op, uint32_t token)
{
	union sigval value = {
		.sival_ptr = (void *)(uintptr_t)lks_bell_word(op, token),
	};

	assert_int_equal(sigqueue(getpid(), lks_trigger_bell(), value), 0);
	for (int i = 0; i < 6000 && !lks_cloned_reap(); i++)
		usleep(10000);
	assert_true(lks_cloned_reap());
	assert_int_equal(lks_job_writer(), 0);
}

/* The status file has this line; NULL: none that begins so. */
static bool
status_says(const char *line)
{
	char wanted[300];
	size_t bytes;
	char *text = preload_env_read(status_path, &bytes);
	bool says;

	assert_non_null(text);
	snprintf(wanted, sizeof(wanted), "\n%s", line);
	says = strstr(text, wanted) != NULL;
	free(text);
	return says;
}

static void
scrape_lies_beside_the_status_file(void **state)
{
	Leakshim__V1__Snapshot *snapshot;
	struct stat st;
	mode_t before = umask(0);

	(void)state;
	install("beside.%n");
	ask(LKS_BELL_SCRAPE, 4711);
	umask(before);
	assert_true(status_says("token=4711\n"));
	assert_int_equal(lstat(scrape_path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	snapshot = preload_env_snapshot(scrape_path);
	assert_int_equal(snapshot->header->sequence, 0);
	assert_int_equal(snapshot->header->pid, getpid());
	leakshim__v1__snapshot__free_unpacked(snapshot, NULL);
}

static void
scrapes_do_not_count_as_snapshots(void **state)
{
	Leakshim__V1__Snapshot *snapshot;

	(void)state;
	install("count.%n");
	ask(LKS_BELL_SNAPSHOT, 1);
	assert_true(status_says("sequence=1\n"));
	for (uint32_t i = 0; i < 5; i++)
		ask(LKS_BELL_SCRAPE, 2 + i);
	assert_true(status_says("sequence=1\n"));
	assert_non_null(strstr(lks_sink_last_path(), "count.1"));
	assert_int_equal(access(preload_env_path("count.1"), F_OK), 0);
	assert_int_equal(access(preload_env_path("count.2"), F_OK), -1);
	/* The row goes on where it was, and keep=2 has lost none. */
	ask(LKS_BELL_SNAPSHOT, 10);
	snapshot = preload_env_snapshot(preload_env_path("count.2"));
	assert_int_equal(snapshot->header->sequence, 2);
	leakshim__v1__snapshot__free_unpacked(snapshot, NULL);
	assert_int_equal(access(preload_env_path("count.1"), F_OK), 0);
}

static void
growth_is_counted_from_the_last_snapshot_on(void **state)
{
	(void)state;
	install("growth.%n");
	ask(LKS_BELL_SNAPSHOT, 1);
	lks_job_has_grown(1000);
	ask(LKS_BELL_SCRAPE, 2);
	assert_int_equal(lks_job_growth_bytes(), 1000);
	ask(LKS_BELL_SNAPSHOT, 3);
	assert_int_equal(lks_job_growth_bytes(), 0);
}

static void
scrape_that_nobody_fetched_is_replaced(void **state)
{
	struct stat first, second;
	char leftover[310];

	(void)state;
	install("replaced.%n");
	ask(LKS_BELL_SCRAPE, 1);
	assert_int_equal(stat(scrape_path, &first), 0);
	/* What a killed writer left. */
	snprintf(leftover, sizeof(leftover), "%s.tmp", scrape_path);
	close(open(leftover, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ask(LKS_BELL_SCRAPE, 2);
	assert_int_equal(stat(scrape_path, &second), 0);
	assert_true(first.st_ino != second.st_ino ||
		    first.st_mtim.tv_nsec != second.st_mtim.tv_nsec);
	assert_int_equal(access(leftover, F_OK), -1);
	/* Once it was fetched the next is there again. */
	unlink(scrape_path);
	ask(LKS_BELL_SCRAPE, 3);
	assert_int_equal(access(scrape_path, F_OK), 0);
}

static void
failed_scrape_says_why_and_snapshots_do_not(void **state)
{
	char in_the_way[310];

	(void)state;
	install("failed.%n");
	ask(LKS_BELL_REFRESH, 1);
	unlink(scrape_path);
	/* No file can get that name. */
	snprintf(in_the_way, sizeof(in_the_way), "%s.tmp", scrape_path);
	assert_int_equal(mkdir(in_the_way, 0700), 0);
	ask(LKS_BELL_SCRAPE, 2);
	assert_true(status_says("token=2\n"));
	assert_true(status_says("scrape_error=cannot create a file"));
	assert_true(status_says("error=\n"));
	assert_int_equal(access(scrape_path, F_OK), -1);
	/* A snapshot works meanwhile, and leaves it as it was. */
	ask(LKS_BELL_SNAPSHOT, 3);
	assert_true(status_says("error=\n"));
	assert_true(status_says("scrape_error=cannot create a file"));
	assert_int_equal(rmdir(in_the_way), 0);
	ask(LKS_BELL_SCRAPE, 4);
	assert_false(status_says("scrape_error="));
	assert_int_equal(access(scrape_path, F_OK), 0);
}

static void
scrape_goes_with_the_status_file(void **state)
{
	(void)state;
	install("gone.%n");
	ask(LKS_BELL_SCRAPE, 1);
	assert_int_equal(access(scrape_path, F_OK), 0);
	lks_status_remove();
	assert_int_equal(access(scrape_path, F_OK), -1);
	assert_int_equal(access(status_path, F_OK), -1);
}

static int
remove_files(void **state)
{
	(void)state;
	lks_status_remove();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrape_lies_beside_the_status_file),
		cmocka_unit_test(scrapes_do_not_count_as_snapshots),
		cmocka_unit_test(growth_is_counted_from_the_last_snapshot_on),
		cmocka_unit_test(scrape_that_nobody_fetched_is_replaced),
		cmocka_unit_test(failed_scrape_says_why_and_snapshots_do_not),
		cmocka_unit_test(scrape_goes_with_the_status_file),
	};

	return cmocka_run_group_tests(tests, NULL, remove_files);
}
