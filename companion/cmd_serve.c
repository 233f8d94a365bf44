/* leakshim serve PID|NAME... */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "bell.h"
#include "charts.h"
#include "cmd.h"
#include "cmd_serve.h"
#include "family.h"
#include "pick.h"
#include "serve.h"
#include "tracked.h"
#include "workers.h"

/* A token that can be guessed is none. */
#define TOKEN_BYTES_MIN 16
#define TOKEN_BYTES_MAX 4096

static const char help[] =
	"Usage: leakshim serve [OPTIONS] PID|NAME...\n"
	"       leakshim serve [OPTIONS] --watch [PID|NAME...]\n"
	"       leakshim serve [OPTIONS] --run -- CMD [ARG...]\n"
	"\n"
	"Serves tracked processes over HTTP as Go programs serve themselves:\n"
	"/debug/pprof/ for profilers, /metrics for Prometheus, /debug/charts/ for\n"
	"people. Of several processes each is below /p/PID/.\n"
	"\n"
	"Options:\n"
	"  -l, --listen ADDRESS    HOST:PORT or unix:PATH (127.0.0.1:6060)\n"
	"  -i, --interval TIME     between two points of the charts (1s); a process\n"
	"                          of one thread is asked every 5 s at most\n"
	"      --path-prefix PATH  what all paths begin with, as /memory\n"
	"      --token-file FILE   demand the token in FILE, at least 16 bytes;\n"
	"                          a must where other machines can connect\n"
	"  -w, --watch             serve all tracked processes of this user as they\n"
	"                          come and go, up to 100; with --run only CMD and\n"
	"                          what descends from it\n"
	"  -r, --run               start CMD tracked, and serve it\n"
	"      --cpu-profile[=HOW] fill /debug/pprof/profile: by the kernel's sampler\n"
	"                          (perf), or where that is not allowed by stopping\n"
	"                          threads (ptrace); HOW: only so\n"
	"  -h, --help              this text\n"
	"\n"
	"It ends by SIGINT, SIGTERM or SIGHUP, and without --watch when the last process\n"
	"has ended; with --run it says how CMD ended, and with --watch too it ends when\n"
	"nothing that descends from CMD is left. What it serves goes on without it.\n"
	"\n"
	"Exit status: 0 ended, whatever CMD's is, 2 usage, 3 no such process or not\n"
	"tracked, 5 it cannot listen.\n"
	"\n"
	"Examples:\n"
	"  leakshim serve 4711\n"
	"  go tool pprof http://127.0.0.1:6060/debug/pprof/heap\n"
	"  leakshim serve --listen unix:/run/leakshim.sock redis-server\n";

struct request {
	const char *listen;
	const char *prefix;
	const char *token_file;
	enum cpu_way cpu_way;
	bool watch;
	bool run;
	unsigned int interval_s;
};

/* Between two looks for new processes. */
#define WATCH_NS 2000000000ull

static volatile sig_atomic_t is_over;

static void
end(int sig)
{
	(void)sig;
	is_over = 1;
}

bool
cmd_serve_is_over(void)
{
	return is_over;
}

static void
set_signals(struct serve_program *program)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = end }, before;

	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* nohup, or a shell's "&". */
		if (sigaction(ends[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			sigaction(ends[i], &action, NULL);
	}
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, &program->pipe);
	/* Where it is ignored nobody learns how a child ended. */
	action.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &action, &program->child);
}

/* Connections are descriptors. */
static void
raise_limit(struct serve_program *program)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	program->files = limit;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Each of many threads would keep what its largest answer ever took: with 64
 * clients 240 MB after five minutes instead of 80. */
static void
spare_memory(void)
{
	mallopt(M_ARENA_MAX, 2);
	/* Fixed, so that large texts always go back at once. */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

/* The first line of the file; NULL, told. The caller frees it. */
static char *
read_token(const char *file)
{
	char line[TOKEN_BYTES_MAX + 2];
	FILE *in = fopen(file, "re");
	struct stat st;
	bool is_open;
	size_t len;

	line[0] = '\0';
	if (!in || (!fgets(line, sizeof(line), in) && ferror(in))) {
		fprintf(stderr, "leakshim: cannot read the token '%s': %s\n",
			file, strerror(errno));
		if (in)
			fclose(in);
		return NULL;
	}
	is_open = fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) &&
		  (st.st_mode & (S_IROTH | S_IWOTH));
	fclose(in);
	/* Editors of other systems end lines by two bytes. */
	len = strcspn(line, "\r\n");
	line[len] = '\0';
	if (len >= TOKEN_BYTES_MIN && len <= TOKEN_BYTES_MAX) {
		/* No more, since orchestrators mount secrets so. */
		if (is_open)
			fprintf(stderr,
				"leakshim: warning: others can %s the token in "
				"'%s': chmod 600\n",
				st.st_mode & S_IWOTH ? "write" : "read", file);
		return strdup(line);
	}
	fprintf(stderr,
		"leakshim: the token in '%s' has %zu bytes: it must "
		"have %d to %d\n",
		file, len, TOKEN_BYTES_MIN, TOKEN_BYTES_MAX);
	return NULL;
}

static void
warn(const struct err *err)
{
	fprintf(stderr, "leakshim: warning: not served: %s\n", err->text);
}

/* All that are called by a name: of some that are tracked the others are told.
 * 0, or -1 with why the first is not served, told of the others. */
static int
add_named(struct served *served, const struct pick *pick, struct err *err)
{
	struct err *failures = xcalloc(pick->count, sizeof(*failures));
	size_t i, failed = 0;

	for (i = 0; i < pick->count; i++)
		failed += served_add(served, pick->pids[i], &failures[failed]) <
			  0;
	for (i = 0; i < failed && failed < pick->count; i++)
		warn(&failures[i]);
	if (failed && failed == pick->count)
		*err = failures[0];
	free(failures);
	return failed && failed == pick->count ? -1 : 0;
}

/* 0, or an exit status, told. */
static int
add_processes(struct served *served, char **words)
{
	struct pick pick;
	struct err err;
	int result;

	for (; *words; words++) {
		if (pick_processes(&pick, *words, &err) < 0)
			return cmd_fail(&err);
		result = add_named(served, &pick, &err);
		pick_release(&pick);
		if (result < 0)
			return cmd_fail(&err);
	}
	return 0;
}

/* Where new ones are looked for. */
struct watch {
	struct served *served;
	bool is_family; /* what our program started, and no other */
};

static int
add_tracked(struct target *target, void *as_watch)
{
	static bool told;
	const struct watch *watch = as_watch;
	struct err err;

	if (target->proc.pid == getpid() ||
	    (watch->is_family && !family_has(target->proc.pid)))
		return 0;
	/* One that ends meanwhile is left out; one too many is told of, once. */
	if (served_add(watch->served, target->proc.pid, &err) == 0 || told ||
	    served_count(watch->served) < SERVED_MAX)
		return 0;
	fprintf(stderr, "leakshim: %s\n", err.text);
	told = true;
	return 0;
}

static void
look_for_more(struct served *served, const struct serve_program *program)
{
	struct watch watch = { served, program->pid != 0 };
	struct err err;

	/* Without /proc there is nothing new. */
	if (tracked_each(add_tracked, &watch, NULL, &err) < 0)
		fprintf(stderr, "leakshim: %s\n", err.text);
}

static void
tell(const struct err *err)
{
	fprintf(stderr, "leakshim: no longer served: %s\n", err->text);
}

/* Is there somebody to wait for? */
static bool
goes_on(struct serve *serve, const struct serve_program *program, bool watch)
{
	if (served_sweep(serve->served))
		return true;
	/* What our program started, and nothing else, may start more. */
	return watch && !(program->pid && program->is_alone);
}

static void
wait_for_end(struct serve *serve, struct serve_program *program, bool watch)
{
	const struct timespec pause = { 0, SERVE_PAUSE_NS };
	uint64_t waited_ns = 0;

	while (!is_over && goes_on(serve, program, watch)) {
		served_renew(serve->served, tell);
		nanosleep(&pause, NULL);
		cmd_serve_program_look(program);
		waited_ns += SERVE_PAUSE_NS;
		if (watch && waited_ns >= WATCH_NS) {
			look_for_more(serve->served, program);
			waited_ns = 0;
		}
	}
	cmd_serve_program_look(program);
	if (is_over)
		return;
	fputs("leakshim: the last process has ended\n", stderr);
	if (!watch)
		cmd_serve_program_tell_left(program);
}

static int
serve_on(struct serve *serve, const struct listen *listen, const char *token,
	 struct serve_program *program, bool watch)
{
	const struct http_settings settings = {
		.prefix = serve->prefix,
		.token = token,
		.handler = serve_handle,
		.context = serve,
		.began = charts_stream_began,
		.ended = charts_stream_ended,
		.unused = charts_stream_unused,
	};
	struct err err;

	struct charts *charts = NULL;
	struct http *http;

	http = http_start(listen, &settings, &err);
	if (http)
		charts = charts_start(serve, serve->interval_s, &err);
	if (!charts) {
		http_stop(http);
		return cmd_fail(&err);
	}
	/* A path of a socket has no paths below it. */
	if (listen->path)
		fprintf(stderr, "leakshim: serving on %s%s%s\n", listen->url,
			*serve->prefix ? ", below " : "", serve->prefix);
	else
		fprintf(stderr, "leakshim: serving on %s%s/\n", listen->url,
			serve->prefix);
	wait_for_end(serve, program, watch);
	/* One that hangs is not to hold us. */
	bell_give_up();
	http_stop(http);
	charts_stop(charts);
	return CMD_OK;
}

static int
run(const struct request *request, struct serve_program *program,
    const char *token, char **words)
{
	struct serve serve = {
		.prefix = request->prefix,
		.cpu_way = request->cpu_way,
		.interval_s = request->interval_s,
		.served = served_new(),
		.askers = workers_new(SERVED_MAX),
	};
	struct listen listen = { .fd = -1 };
	struct err err;
	int status = request->run ? CMD_OK : add_processes(serve.served, words);

	/* Of one of two processes the series must not change when the other
	 * ends. */
	serve.labels = request->watch || served_count(serve.served) > 1;
	if (status == CMD_OK) {
		serve.analysis = analysis_open(NULL, &err);
		if (!serve.analysis ||
		    listen_open(&listen, request->listen, &err) < 0)
			status = err.code == ERR_PATTERN
					 ? cmd_usage("serve", "%s", err.text)
					 : cmd_fail(&err);
	}
	/* Not before: what can't be served is not started. */
	if (status == CMD_OK && request->run)
		status = cmd_serve_program_start(program, serve.served, words,
						 request->watch);
	if (status == CMD_OK && request->watch)
		look_for_more(serve.served, program);
	if (status == CMD_OK && !is_over)
		status = serve_on(&serve, &listen, token, program,
				  request->watch);
	listen_close(&listen);
	workers_free(serve.askers);
	analysis_close(serve.analysis);
	served_free(serve.served);
	return status;
}

/* 0 or CMD_USAGE, told. */
static int
check(const struct request *request)
{
	static const char prefix_bytes[] =
		"/._~-0123456789abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(request->prefix);

	if (len &&
	    (request->prefix[0] != '/' || request->prefix[len - 1] == '/' ||
	     strstr(request->prefix, "//") ||
	     strspn(request->prefix, prefix_bytes) != len))
		return cmd_usage("serve",
				 "a path prefix is /NAME or /NAME/NAME, of "
				 "letters, digits, '.', '_', '~' and '-': '%s'",
				 request->prefix);
	if (listen_is_public(request->listen) && !request->token_file)
		return cmd_usage("serve",
				 "'%s' can be reached by other machines: add "
				 "--token-file",
				 request->listen);
	return 0;
}

static bool
take_way(const char *name, enum cpu_way *way)
{
	if (!name)
		*way = CPU_WAY_ANY;
	else if (!strcmp(name, "perf"))
		*way = CPU_WAY_PERF;
	else if (!strcmp(name, "ptrace"))
		*way = CPU_WAY_PTRACE;
	else
		return false;
	return true;
}

int
cmd_serve(int argc, char **argv)
{
	enum { OPTION_PREFIX = 256, OPTION_TOKEN, OPTION_CPU };
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "interval", required_argument, NULL, 'i' },
		{ "path-prefix", required_argument, NULL, OPTION_PREFIX },
		{ "token-file", required_argument, NULL, OPTION_TOKEN },
		{ "cpu-profile", optional_argument, NULL, OPTION_CPU },
		{ "run", no_argument, NULL, 'r' },
		{ "watch", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct request request = {
		.listen = LISTEN_DEFAULT,
		.prefix = "",
		.interval_s = 1,
	};
	struct serve_program program = { .pid = 0 };
	char *token = NULL;
	int option, status;

	while ((option = getopt_long(argc, argv, "+l:i:rwh", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'l':
			request.listen = optarg;
			break;
		case OPTION_PREFIX:
			request.prefix = optarg;
			break;
		case OPTION_TOKEN:
			request.token_file = optarg;
			break;
		case 'i':
			status = cmd_take_seconds("serve", optarg,
						  &request.interval_s);
			if (status)
				return status;
			break;
		case 'r':
			request.run = true;
			break;
		case 'w':
			request.watch = true;
			break;
		case OPTION_CPU:
			if (!take_way(optarg, &request.cpu_way))
				return cmd_usage("serve",
						 "a CPU profile is taken by "
						 "perf or ptrace: '%s'",
						 optarg);
			break;
		case 'h':
			return cmd_help(help);
		default:
			return cmd_usage("serve", NULL);
		}
	}
	if (optind >= argc && request.run)
		return cmd_usage("serve", "--run needs a command");
	if (optind >= argc && !request.watch)
		return cmd_usage("serve", "serve needs a PID, a name, --watch "
					  "or --run -- CMD");
	status = check(&request);
	if (status)
		return status;
	if (request.token_file) {
		token = read_token(request.token_file);
		if (!token)
			return CMD_FAILED;
	}
	set_signals(&program);
	raise_limit(&program);
	spare_memory();
	status = run(&request, &program, token, argv + optind);
	free(token);
	return status;
}
