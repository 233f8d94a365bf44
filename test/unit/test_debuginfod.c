/*
 * A server of our own on this machine plays debuginfod; libdebuginfod is the
 * real one. What the server does for a build-id is a file in its directory:
 * BUILD-ID.debuginfo is sent, BUILD-ID.silent is never answered,
 * BUILD-ID.endless goes on for ever; nothing is 404. It writes a log.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analyzer/debuginfod.h"
#include "../../analyzer/err.h"
#include "symbol_fixture.h"

static const char server[] =
	"import http.server, os, sys, time\n"
	"os.chdir(sys.argv[1])\n"
	"class Handler(http.server.BaseHTTPRequestHandler):\n"
	"    def do_GET(self):\n"
	"        _, _, name, kind = self.path.split('/')\n"
	"        with open('log', 'a') as log: log.write(self.path + '\\n')\n"
	"        if os.path.exists(name + '.silent'): time.sleep(60)\n"
	"        if os.path.exists(name + '.endless'):\n"
	"            self.send_response(200)\n"
	"            self.send_header('Content-Length', '1000000000')\n"
	"            self.end_headers()\n"
	"            while True:\n"
	"                self.wfile.write(bytes(4096))\n"
	"                time.sleep(0.02)\n"
	"        if not os.path.exists(name + '.' + kind):\n"
	"            return self.send_error(404)\n"
	"        body = open(name + '.' + kind, 'rb').read()\n"
	"        self.send_response(200)\n"
	"        self.send_header('Content-Length', str(len(body)))\n"
	"        self.end_headers()\n"
	"        self.wfile.write(body)\n"
	"    def log_message(self, *args): pass\n"
	"class Server(http.server.ThreadingHTTPServer):\n"
	"    def handle_error(self, *args): pass\n"
	"server = Server(('127.0.0.1', 0), Handler)\n"
	"print(server.server_address[1], flush=True)\n"
	"server.serve_forever()\n";

static char urls[64];
static pid_t server_pid;

/* What was told of progress. */
static char progress_text[65536];
static int progress_ends;

static void
note_progress(void *context, const char *line)
{
	size_t len = strlen(progress_text);

	assert_ptr_equal(context, progress_text);
	if (line)
		snprintf(progress_text + len, sizeof(progress_text) - len,
			 "%s\n", line);
	else
		progress_ends++;
}

static int
start_server(void **state)
{
	int ends[2];
	char port[16];
	ssize_t bytes;

	if (symbol_fixture_set_up(state) < 0 || pipe(ends) < 0)
		return -1;
	symbol_fixture_shell("mkdir served cache");
	server_pid = fork();
	if (server_pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execlp("python3", "python3", "-I", "-c", server,
		       symbol_fixture_path("served"), (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	bytes = read(ends[0], port, sizeof(port) - 1);
	close(ends[0]);
	if (bytes <= 0)
		return -1;
	port[bytes] = '\0';
	snprintf(urls, sizeof(urls), "http://127.0.0.1:%d", atoi(port));
	return setenv("DEBUGINFOD_CACHE_PATH", symbol_fixture_path("cache"),
		      1) ||
	       setenv("DEBUGINFOD_URLS", urls, 1);
}

static int
stop_server(void **state)
{
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	return symbol_fixture_tear_down(state);
}

static int
begin_test(void **state)
{
	(void)state;
	progress_text[0] = '\0';
	progress_ends = 0;
	symbol_fixture_shell("rm -rf served/* cache && mkdir cache");
	return 0;
}

static struct symbolizer *
open_with(bool ask, unsigned seconds)
{
	const struct symbolizer_options options = {
		.use_symbols = true,
		.inlines = true,
		.debug_path = "/nonexistent",
		.debuginfod = ask,
		.debuginfod_seconds = seconds,
		.progress = note_progress,
		.progress_context = progress_text,
	};
	struct symbolizer *symbolizer;
	struct err err;

	symbolizer = symbolizer_open(&options, &err);
	assert_non_null(symbolizer);
	return symbolizer;
}

/* A library without symbols, of which the server has the debug file. */
static void
build(struct symbol_fixture *fixture, const char *name)
{
	symbol_fixture_build_stripped(fixture, name);
	symbol_fixture_shell("cp %s.debug served/%s.debuginfo", name,
			     symbol_fixture_hex(&fixture->module));
}

static const struct symbols *
look_up(struct symbolizer *symbolizer, const struct symbol_fixture *fixture)
{
	return symbolizer_lookup(symbolizer, &fixture->module,
				 fixture->address);
}

static void
expect_warning(const struct symbolizer *symbolizer, const char *words)
{
	const char *warning = symbolizer_warning(symbolizer, 0);

	assert_non_null(warning);
	if (!strstr(warning, words))
		fail_msg("warning: %s", warning);
}

static bool
was_asked(void)
{
	return access(symbol_fixture_path("served/log"), F_OK) == 0;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* --- tests -------------------------------------------------------------------- */

static void
nobody_is_asked_without_the_option(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	build(&fixture, "unasked");
	setenv("DEBUGINFOD_URLS", urls, 1);
	symbolizer = open_with(false, 5);
	assert_false(look_up(symbolizer, &fixture)->named);
	assert_null(symbolizer_warning(symbolizer, 0));
	assert_false(was_asked());
	assert_string_equal(progress_text, "");
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
debug_file_is_fetched_once(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	int i;

	(void)state;
	build(&fixture, "fetched");
	for (i = 0; i < 2; i++) {
		symbolizer = open_with(true, 20);
		symbol_fixture_expect_all(look_up(symbolizer, &fixture));
		assert_null(symbolizer_warning(symbolizer, 0));
		symbolizer_close(symbolizer);
	}
	symbol_fixture_shell("[ $(wc -l <served/log) = 1 ]");
	assert_non_null(
		strstr(progress_text, "debuginfod: fetched-stripped.so\n"));
	assert_int_equal(progress_ends, 2);
	symbol_fixture_close(&fixture);
}

static void
missing_file_is_named_by_its_debug_file(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	build(&fixture, "missing");
	fixture.module.path = "/nonexistent/missing.so";
	symbolizer = open_with(true, 20);
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
missing_file_itself_is_fetched_if_there_is_no_debug_file(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	build(&fixture, "itself");
	symbol_fixture_shell("strip --strip-debug -o served/%s.executable "
			     "itself.so && rm served/%s.debuginfo",
			     symbol_fixture_hex(&fixture.module),
			     symbol_fixture_hex(&fixture.module));
	fixture.module.path = "/nonexistent/itself.so";
	symbolizer = open_with(true, 20);
	symbol_fixture_expect_real(look_up(symbolizer, &fixture));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

/* As Debian's server has them. */
static void
what_dwz_moved_to_another_file_is_fetched_too(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	if (!symbol_fixture_has("dwz"))
		skip();
	symbol_fixture_build_dwz(&fixture);
	symbol_fixture_shell(
		"mv dwz-1.debug served/%s.debuginfo && "
		"mv dwz-common.debug served/$(readelf -n dwz-common.debug | "
		"sed -n 's/.*Build ID: //p').debuginfo",
		symbol_fixture_hex(&fixture.module));
	symbolizer = open_with(true, 20);
	symbol_fixture_expect_all(look_up(symbolizer, &fixture));
	assert_null(symbolizer_warning(symbolizer, 0));
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
what_no_server_has_gives_a_warning(void **state)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;

	(void)state;
	build(&fixture, "unknown");
	symbol_fixture_shell("rm served/*.debuginfo");
	symbolizer = open_with(true, 20);
	assert_false(look_up(symbolizer, &fixture)->named);
	assert_true(was_asked());
	expect_warning(symbolizer, "unknown-stripped.so': debuginfod: no "
				   "server has it");
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
file_of_another_build_gives_no_names(void **state)
{
	struct symbol_fixture fixture, other;
	struct symbolizer *symbolizer;

	(void)state;
	build(&fixture, "wrong");
	build(&other, "other");
	symbol_fixture_shell("cp other.debug served/%s.debuginfo",
			     symbol_fixture_hex(&fixture.module));
	symbolizer = open_with(true, 20);
	assert_false(look_up(symbolizer, &fixture)->named);
	expect_warning(symbolizer, "what a server sent is not the file that "
				   "ran (build-id ");
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
	symbol_fixture_close(&other);
}

static void
expect_limit(const char *name, const char *how)
{
	struct symbol_fixture fixture;
	struct symbolizer *symbolizer;
	double begin;

	build(&fixture, name);
	symbol_fixture_shell("touch served/%s.%s",
			     symbol_fixture_hex(&fixture.module), how);
	symbolizer = open_with(true, 1);
	begin = now();
	assert_false(look_up(symbolizer, &fixture)->named);
	/* The server would go on for a minute at least: no race. */
	assert_true(now() - begin < 30);
	assert_true(was_asked());
	expect_warning(symbolizer, "debuginfod: not fetched within 1 s");
	assert_int_equal(progress_ends, 1);
	symbolizer_close(symbolizer);
	symbol_fixture_close(&fixture);
}

static void
silent_server_costs_no_more_than_the_limit(void **state)
{
	(void)state;
	expect_limit("silent", "silent");
}

static void
endless_answer_costs_no_more_than_the_limit(void **state)
{
	(void)state;
	expect_limit("endless", "endless");
	assert_non_null(strstr(progress_text, " of 953.7 MiB\n"));
}

static void
all_files_together_have_a_limit(void **state)
{
	const struct debuginfod_options options = { .urls = urls,
						    .seconds = 1 };
	struct debuginfod *debuginfod = debuginfod_new(&options);
	struct strbuf path = { 0 }, why = { 0 };
	uint8_t build_id[20] = { 0 };
	int i, refused = 0;

	(void)state;
	for (i = 0; i < DEBUGINFOD_TOTAL_FILES + 3; i++) {
		build_id[19] = (uint8_t)i;
		symbol_fixture_shell("touch served/%038d%02x.silent", 0, i);
		assert_int_equal(debuginfod_fetch(debuginfod,
						  DEBUGINFOD_DEBUGINFO,
						  build_id, sizeof(build_id),
						  "x", &path, &why),
				 -1);
		refused += strstr(strbuf_text(&why), "time for all files") !=
			   NULL;
	}
	/* Told once; then nothing is said any more. */
	assert_int_equal(refused, 1);
	assert_string_equal(strbuf_text(&why), "");
	symbol_fixture_shell("[ $(wc -l <served/log) -le %d ]",
			     DEBUGINFOD_TOTAL_FILES);
	strbuf_release(&path);
	strbuf_release(&why);
	debuginfod_free(debuginfod);
}

static void
expect_refusal(const struct debuginfod_options *options, const char *words)
{
	struct debuginfod *debuginfod = debuginfod_new(options);
	struct strbuf path = { 0 }, why = { 0 };
	const uint8_t build_id[20] = { 1 };
	int i;

	for (i = 0; i < 2; i++) {
		errno = ENOENT;
		assert_int_equal(debuginfod_fetch(debuginfod,
						  DEBUGINFOD_DEBUGINFO,
						  build_id, sizeof(build_id),
						  "x", &path, &why),
				 -1);
		/* Or the caller would ask for something else. */
		assert_int_equal(errno, 0);
		if (i == 0 && !strstr(strbuf_text(&why), words))
			fail_msg("why: %s", strbuf_text(&why));
	}
	assert_string_equal(strbuf_text(&why), "");
	strbuf_release(&path);
	strbuf_release(&why);
	debuginfod_free(debuginfod);
}

static void
missing_library_is_told_once(void **state)
{
	const struct debuginfod_options options = {
		.urls = urls,
		.library = "libnonexistent.so.1",
	};

	(void)state;
	expect_refusal(&options, "libnonexistent.so.1: cannot open");
}

static void
missing_servers_are_told_once(void **state)
{
	const struct debuginfod_options options = { .urls = NULL };

	(void)state;
	expect_refusal(&options, "DEBUGINFOD_URLS is not set");
}

static void
server_that_is_not_there_gives_a_warning(void **state)
{
	const struct debuginfod_options options = {
		.urls = "http://127.0.0.1:1",
	};
	struct debuginfod *debuginfod = debuginfod_new(&options);
	struct strbuf path = { 0 }, why = { 0 };
	const uint8_t build_id[20] = { 2 };

	(void)state;
	assert_int_equal(debuginfod_fetch(debuginfod, DEBUGINFOD_DEBUGINFO,
					  build_id, sizeof(build_id), "x",
					  &path, &why),
			 -1);
	assert_string_equal(strbuf_text(&why),
			    "debuginfod: Connection refused");
	strbuf_release(&path);
	strbuf_release(&why);
	debuginfod_free(debuginfod);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_is_asked_without_the_option,
				       begin_test),
		cmocka_unit_test_setup(debug_file_is_fetched_once, begin_test),
		cmocka_unit_test_setup(missing_file_is_named_by_its_debug_file,
				       begin_test),
		cmocka_unit_test_setup(
			missing_file_itself_is_fetched_if_there_is_no_debug_file,
			begin_test),
		cmocka_unit_test_setup(
			what_dwz_moved_to_another_file_is_fetched_too,
			begin_test),
		cmocka_unit_test_setup(what_no_server_has_gives_a_warning,
				       begin_test),
		cmocka_unit_test_setup(file_of_another_build_gives_no_names,
				       begin_test),
		cmocka_unit_test_setup(
			silent_server_costs_no_more_than_the_limit, begin_test),
		cmocka_unit_test_setup(
			endless_answer_costs_no_more_than_the_limit,
			begin_test),
		cmocka_unit_test_setup(all_files_together_have_a_limit,
				       begin_test),
		cmocka_unit_test_setup(missing_library_is_told_once,
				       begin_test),
		cmocka_unit_test_setup(missing_servers_are_told_once,
				       begin_test),
		cmocka_unit_test_setup(server_that_is_not_there_gives_a_warning,
				       begin_test),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
