/* Values are checked here as far as that needs no file; whoever acts on them
 * reads the rest. */
#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "select.h"
#include "xalloc.h"

/* An hour: who waits longer for one file has hung. */
#define OPTIONS_DEBUGINFOD_MAX 3600

enum option_name {
	OPTION_ALL_FRAMES = 256,
	OPTION_BASELINE,
	OPTION_BY,
	OPTION_COLOR,
	OPTION_CSV,
	OPTION_DEBUG_DIR,
	OPTION_DEBUGINFOD,
	OPTION_FAIL_OVER,
	OPTION_FAIL_OVER_TOTAL,
	OPTION_FAIL_THREADS,
	OPTION_FOCUS,
	OPTION_FOLDED,
	OPTION_GROWTH_ONLY,
	OPTION_HTML,
	OPTION_IGNORE,
	OPTION_JSON,
	OPTION_LIMIT,
	OPTION_MAX_LOSS,
	OPTION_MIN_BYTES,
	OPTION_NO_INLINES,
	OPTION_NO_SYMBOLS,
	OPTION_PPROF,
	OPTION_SERIES,
	OPTION_SHOW_SUPPRESSIONS,
	OPTION_SKIP,
	OPTION_SORT,
	OPTION_SUPPRESSIONS,
	OPTION_SYSROOT,
	OPTION_TEXT,
	OPTION_THREADS,
	OPTION_TOP,
	OPTION_VERIFY,
	OPTION_WARMUP,
	OPTION_WRITE_BASELINE,
};

static const struct option options[] = {
	{ "all-frames", no_argument, NULL, OPTION_ALL_FRAMES },
	{ "baseline", required_argument, NULL, OPTION_BASELINE },
	{ "by", required_argument, NULL, OPTION_BY },
	{ "color", optional_argument, NULL, OPTION_COLOR },
	{ "colour", optional_argument, NULL, OPTION_COLOR },
	{ "csv", no_argument, NULL, OPTION_CSV },
	{ "debug-dir", required_argument, NULL, OPTION_DEBUG_DIR },
	{ "debuginfod", optional_argument, NULL, OPTION_DEBUGINFOD },
	{ "fail-over", required_argument, NULL, OPTION_FAIL_OVER },
	{ "fail-over-total", required_argument, NULL, OPTION_FAIL_OVER_TOTAL },
	{ "fail-threads", required_argument, NULL, OPTION_FAIL_THREADS },
	{ "focus", required_argument, NULL, OPTION_FOCUS },
	{ "folded", no_argument, NULL, OPTION_FOLDED },
	{ "growth-only", no_argument, NULL, OPTION_GROWTH_ONLY },
	{ "help", no_argument, NULL, 'h' },
	{ "html", no_argument, NULL, OPTION_HTML },
	{ "ignore", required_argument, NULL, OPTION_IGNORE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "limit", required_argument, NULL, OPTION_LIMIT },
	{ "max-loss", required_argument, NULL, OPTION_MAX_LOSS },
	{ "min-bytes", required_argument, NULL, OPTION_MIN_BYTES },
	{ "no-inlines", no_argument, NULL, OPTION_NO_INLINES },
	{ "no-symbols", no_argument, NULL, OPTION_NO_SYMBOLS },
	{ "output", required_argument, NULL, 'o' },
	{ "pprof", no_argument, NULL, OPTION_PPROF },
	{ "series", no_argument, NULL, OPTION_SERIES },
	{ "show-suppressions", no_argument, NULL, OPTION_SHOW_SUPPRESSIONS },
	{ "skip", required_argument, NULL, OPTION_SKIP },
	{ "sort", required_argument, NULL, OPTION_SORT },
	{ "suppressions", required_argument, NULL, OPTION_SUPPRESSIONS },
	{ "sysroot", required_argument, NULL, OPTION_SYSROOT },
	{ "text", no_argument, NULL, OPTION_TEXT },
	{ "threads", no_argument, NULL, OPTION_THREADS },
	{ "top", required_argument, NULL, OPTION_TOP },
	{ "verify", no_argument, NULL, OPTION_VERIFY },
	{ "version", no_argument, NULL, 'V' },
	{ "warmup", required_argument, NULL, OPTION_WARMUP },
	{ "write-baseline", required_argument, NULL, OPTION_WRITE_BASELINE },
	{ NULL, 0, NULL, 0 },
};

/* The Makefile defines the version. */
const char options_version[] = "leakdiff " LEAKSHIM_VERSION "\n";

const char options_help[] =
	"Usage: leakdiff [OPTIONS] OLD NEW    what grew between two snapshots\n"
	"       leakdiff [OPTIONS] FILE...    trends and verdicts: three or more\n"
	"       leakdiff [OPTIONS] DIRECTORY  the same, of all files in it\n"
	"       leakdiff [OPTIONS] FILE       what one snapshot holds\n"
	"       leakdiff dump [OPTIONS] FILE  the blocks in a dump: dump --help\n"
	"\n"
	"Files are snapshots of a program that runs under leakshim, or heap\n"
	"profiles of pprof or gperftools. One may be '-', standard input.\n"
	"\n"
	"What to write:\n"
	"  --text            a report to read (the default)\n"
	"  --csv             all sites as comma-separated values\n"
	"  --series          one row per snapshot and site, as such values\n"
	"  --json            everything, for programs\n"
	"  --html            one page with charts and flame graphs\n"
	"  --folded          one line per call stack, for flame graphs\n"
	"  --pprof           a profile for pprof; needs -o FILE or a pipe\n"
	"  --growth-only     of --folded and --pprof: what grew, nothing else\n"
	"  --threads         of --folded and --pprof: threads, not the heap\n"
	"  -o, --output FILE write to FILE, '-' is standard output\n"
	"  --color[=WHEN]    always, never or auto (a terminal; NO_COLOR)\n"
	"\n"
	"What to list:\n"
	"  --top N           only the first N sites; 0 is all (text: 10)\n"
	"  --sort KEY        growth, live, objects, allocs, rate or verdict\n"
	"  --min-bytes SIZE  only sites with a change of at least SIZE\n"
	"  --by WHAT         add up by function, file, module or stack\n"
	"  --focus RE        only call stacks where RE matches a function, file\n"
	"                    or module; may be repeated\n"
	"  --ignore RE       only those where it does not\n"
	"\n"
	"How to judge three or more snapshots:\n"
	"  --warmup TIME     leave the first TIME out (else found by itself)\n"
	"  --limit SIZE      the memory limit to say when it is met (else the\n"
	"                    cgroup's)\n"
	"\n"
	"How to name call stacks:\n"
	"  --skip RE         take functions that match the extended regular\n"
	"                    expression for allocation wrappers, name their\n"
	"                    callers instead; may be repeated\n"
	"  --all-frames      wrappers as well where a call stack begins with\n"
	"                    more than three, and what runs before main\n"
	"  --no-inlines      leave inlined functions out\n"
	"  --no-symbols      no names, only modules and offsets\n"
	"  --debug-dir PATH  where separate debug files are, joined by ':'\n"
	"  --sysroot DIR     look for all files below DIR\n"
	"  --debuginfod[=S]  ask $DEBUGINFOD_URLS, at most S seconds a file (30)\n"
	"\n"
	"What to accept, and what to fail on:\n"
	"  --suppressions FILE    LeakSanitizer's syntax; may be repeated\n"
	"  --show-suppressions    print those in force, built-in ones too\n"
	"  --baseline FILE        accepted growth\n"
	"  --write-baseline FILE  accept what grows now\n"
	"  --fail-over SIZE       a site grew more; SIZE/h: per hour\n"
	"  --fail-over-total SIZE all sites together did\n"
	"  --fail-threads N       more than N threads were added\n"
	"  --max-loss SHARE       lost events that make a gate unsure (0.1%)\n"
	"  --verify               check that the numbers add up; no report\n"
	"\n"
	"  -h, --help        this\n"
	"  -V, --version\n"
	"\n"
	"Examples:\n"
	"  leakdiff app.1.snap app.2.snap\n"
	"  leakdiff app.*.snap --limit 2G\n"
	"  leakdiff app.1.snap app.2.snap --csv -o growth.csv\n"
	"  leakdiff app.1.snap app.2.snap --skip '^pool_' --top 30\n"
	"  leakdiff app.1.snap app.2.snap --pprof -o growth.pb.gz\n"
	"  leakdiff snapshots/ --html -o report.html\n"
	"  leakdiff snapshots/ --fail-over 1M/h\n"
	"  leakdiff app.2.snap\n"
	"\n"
	"Exit status: 0 the report was made and no gate failed, 1 a gate failed,\n"
	"2 wrong usage, 3 a file can't be read, 4 not enough evidence for a gate,\n"
	"5 the report can't be written.\n";

static enum options_result __attribute__((format(printf, 2, 3)))
refuse(struct strbuf *message, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strbuf_vaddf(message, format, args);
	va_end(args);
	return OPTIONS_USAGE;
}

static void
add_text(struct text_list *list, const char *text)
{
	list->texts = xgrow(list->texts, &list->capacity, list->count + 1,
			    sizeof(*list->texts));
	list->texts[list->count++] = text;
}

/* --- formats ---------------------------------------------------------------- */

const char *
options_format_name(enum report_format format)
{
	static const char *const names[] = {
		[FORMAT_NONE] = "",         [FORMAT_TEXT] = "--text",
		[FORMAT_CSV] = "--csv",     [FORMAT_SERIES] = "--series",
		[FORMAT_JSON] = "--json",   [FORMAT_FOLDED] = "--folded",
		[FORMAT_PPROF] = "--pprof", [FORMAT_HTML] = "--html",
	};

	return names[format];
}

/* The last of two formats would win in silence. --csv --series is --series. */
static enum options_result
take_format(struct settings *settings, enum report_format format,
	    struct strbuf *message)
{
	enum report_format before = settings->format;

	if ((before == FORMAT_CSV && format == FORMAT_SERIES) ||
	    (before == FORMAT_SERIES && format == FORMAT_CSV))
		before = format = FORMAT_SERIES;
	if (before != FORMAT_NONE && before != format)
		return refuse(message, "%s and %s exclude each other",
			      options_format_name(before),
			      options_format_name(format));
	settings->format = format;
	return OPTIONS_GO_ON;
}

/* --- values ----------------------------------------------------------------- */

static enum options_result
take_top(struct settings *settings, struct strbuf *message)
{
	uint64_t count;

	if (!parse_count(optarg, &count) || count > SIZE_MAX)
		return refuse(message, "--top takes a number, not '%s'",
			      optarg);
	settings->top = (size_t)count;
	settings->top_given = true;
	return OPTIONS_GO_ON;
}

static enum options_result
take_by(struct settings *settings, struct strbuf *message)
{
	static const char *const names[] = {
		[GROUP_STACK] = "stack",
		[GROUP_FUNCTION] = "function",
		[GROUP_FILE] = "file",
		[GROUP_MODULE] = "module",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(optarg, names[i]) == 0) {
			settings->grouping = (enum grouping)i;
			return OPTIONS_GO_ON;
		}
	}
	return refuse(message,
		      "--by takes function, file, module or stack, not '%s'",
		      optarg);
}

static enum options_result
take_sort(struct settings *settings, struct strbuf *message)
{
	if (select_order_of(optarg, &settings->order))
		return OPTIONS_GO_ON;
	return refuse(message,
		      "--sort takes growth, live, objects, allocs, rate or "
		      "verdict, not '%s'",
		      optarg);
}

static enum options_result
take_color(struct settings *settings, struct strbuf *message)
{
	if (!optarg || strcmp(optarg, "always") == 0)
		settings->color = COLOR_ALWAYS;
	else if (strcmp(optarg, "never") == 0)
		settings->color = COLOR_NEVER;
	else if (strcmp(optarg, "auto") == 0)
		settings->color = COLOR_AUTO;
	else
		return refuse(message,
			      "--color takes always, never or auto, not '%s'",
			      optarg);
	return OPTIONS_GO_ON;
}

static enum options_result
take_size(const char *option, int64_t *bytes, struct strbuf *message)
{
	if (parse_size(optarg, bytes))
		return OPTIONS_GO_ON;
	return refuse(message, "%s takes a size such as 64K or 2G, not '%s'",
		      option, optarg);
}

static enum options_result
take_limit(struct settings *settings, struct strbuf *message)
{
	int64_t bytes = 0;
	enum options_result result = take_size("--limit", &bytes, message);

	settings->judge.limit_bytes = (uint64_t)bytes;
	return result;
}

static enum options_result
take_warmup(struct settings *settings, struct strbuf *message)
{
	if (parse_duration(optarg, &settings->judge.warmup_s))
		return OPTIONS_GO_ON;
	return refuse(message,
		      "--warmup takes a time such as 90s or 2h, "
		      "not '%s'",
		      optarg);
}

static enum options_result
take_debuginfod(struct settings *settings, struct strbuf *message)
{
	uint64_t seconds = 0;

	if (optarg && (!parse_count(optarg, &seconds) || seconds == 0 ||
		       seconds > OPTIONS_DEBUGINFOD_MAX))
		return refuse(message,
			      "--debuginfod takes seconds from 1 to %d, not "
			      "'%s'",
			      OPTIONS_DEBUGINFOD_MAX, optarg);
	settings->symbols.debuginfod = true;
	settings->symbols.debuginfod_seconds = (unsigned int)seconds;
	return OPTIONS_GO_ON;
}

static enum options_result
take_unknown(char **argv, struct strbuf *message)
{
	/* A letter of a long option is that of one with a value it does not
	 * take. */
	if (optopt > 0 && optopt < OPTION_ALL_FRAMES && !strchr("hoV", optopt))
		return refuse(message, "unknown option '-%c'", optopt);
	return refuse(message, "unknown option '%s'", argv[optind - 1]);
}

static enum options_result
take_option(struct settings *settings, int option, char **argv,
	    struct strbuf *message)
{
	switch (option) {
	case OPTION_TEXT:
		return take_format(settings, FORMAT_TEXT, message);
	case OPTION_CSV:
		return take_format(settings, FORMAT_CSV, message);
	case OPTION_SERIES:
		return take_format(settings, FORMAT_SERIES, message);
	case OPTION_JSON:
		return take_format(settings, FORMAT_JSON, message);
	case OPTION_FOLDED:
		return take_format(settings, FORMAT_FOLDED, message);
	case OPTION_PPROF:
		return take_format(settings, FORMAT_PPROF, message);
	case OPTION_HTML:
		return take_format(settings, FORMAT_HTML, message);
	case OPTION_TOP:
		return take_top(settings, message);
	case OPTION_BY:
		return take_by(settings, message);
	case OPTION_COLOR:
		return take_color(settings, message);
	case OPTION_SORT:
		return take_sort(settings, message);
	case OPTION_MIN_BYTES:
		return take_size("--min-bytes", &settings->min_bytes, message);
	case OPTION_LIMIT:
		return take_limit(settings, message);
	case OPTION_WARMUP:
		return take_warmup(settings, message);
	case OPTION_DEBUGINFOD:
		return take_debuginfod(settings, message);
	case ':':
		return refuse(message, "%s needs a value", argv[optind - 1]);
	case '?':
		return take_unknown(argv, message);
	default:
		break;
	}
	/* The rest can't be wrong. */
	switch (option) {
	case 'o':
		settings->out = optarg;
		break;
	case OPTION_ALL_FRAMES:
		settings->all_frames = true;
		break;
	case OPTION_BASELINE:
		settings->baseline = optarg;
		break;
	case OPTION_DEBUG_DIR:
		settings->symbols.debug_path = optarg;
		break;
	case OPTION_FAIL_OVER:
		settings->fail_over = optarg;
		break;
	case OPTION_FAIL_OVER_TOTAL:
		settings->fail_over_total = optarg;
		break;
	case OPTION_FAIL_THREADS:
		settings->fail_threads = optarg;
		break;
	case OPTION_FOCUS:
		add_text(&settings->focus, optarg);
		break;
	case OPTION_GROWTH_ONLY:
		settings->growth_only = true;
		break;
	case OPTION_IGNORE:
		add_text(&settings->ignore, optarg);
		break;
	case OPTION_MAX_LOSS:
		settings->max_loss = optarg;
		break;
	case OPTION_NO_INLINES:
		settings->symbols.inlines = false;
		break;
	case OPTION_NO_SYMBOLS:
		settings->symbols.use_symbols = false;
		break;
	case OPTION_SHOW_SUPPRESSIONS:
		settings->show_suppressions = true;
		break;
	case OPTION_SKIP:
		add_text(&settings->skip, optarg);
		break;
	case OPTION_SUPPRESSIONS:
		add_text(&settings->suppressions, optarg);
		break;
	case OPTION_SYSROOT:
		settings->symbols.sysroot = optarg;
		break;
	case OPTION_THREADS:
		settings->threads = true;
		break;
	case OPTION_VERIFY:
		settings->verify = true;
		break;
	case OPTION_WRITE_BASELINE:
		settings->write_baseline = optarg;
		break;
	default:
		return refuse(message, "unknown option '%s'", argv[optind - 1]);
	}
	return OPTIONS_GO_ON;
}

/* --- the whole -------------------------------------------------------------- */

static size_t
count_standard_inputs(const struct settings *settings)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < settings->file_count; i++)
		count += strcmp(settings->files[i], "-") == 0;
	return count;
}

/* Of each snapshot all of it: what is left out would be missed in a sum. */
static const char *
find_selection(const struct settings *settings)
{
	if (settings->focus.count)
		return "--focus";
	if (settings->ignore.count)
		return "--ignore";
	if (settings->min_bytes)
		return "--min-bytes";
	if (settings->order != ORDER_DEFAULT)
		return "--sort";
	return settings->top_given ? "--top" : NULL;
}

/* What goes together. */
static enum options_result
check(const struct settings *settings, struct strbuf *message)
{
	enum report_format format = settings->format;
	bool is_stacks = format == FORMAT_PPROF || format == FORMAT_FOLDED;
	size_t inputs = count_standard_inputs(settings);

	if (settings->file_count == 0 && !settings->show_suppressions)
		return refuse(message, "no snapshot was given");
	if (inputs > 1)
		return refuse(message,
			      "only one snapshot can be standard input");
	if (inputs && settings->file_count > 2)
		return refuse(message, "standard input can't be one of three "
				       "or more files");
	if ((settings->growth_only || settings->threads) && !is_stacks)
		return refuse(message, "%s is for --pprof and --folded",
			      settings->growth_only ? "--growth-only"
						    : "--threads");
	if (settings->grouping != GROUP_STACK && format != FORMAT_TEXT &&
	    format != FORMAT_CSV && format != FORMAT_JSON)
		return refuse(message,
			      "%s is made of call stacks: --by has "
			      "no meaning there",
			      options_format_name(format));
	if (format == FORMAT_SERIES && find_selection(settings))
		return refuse(message,
			      "--series has every site of every snapshot: %s "
			      "has no meaning there",
			      find_selection(settings));
	return OPTIONS_GO_ON;
}

enum options_result
options_parse(struct settings *settings, int argc, char **argv,
	      struct strbuf *message)
{
	enum options_result result;
	int option;

	*settings = (struct settings){
		.symbols = { .use_symbols = true, .inlines = true },
		.judge = { .warmup_s = -1 },
		.order = ORDER_DEFAULT,
	};
	/* ':' makes getopt leave the messages to us. It moves the file names
	 * behind the options, wherever they stood. */
	while ((option = getopt_long(argc, argv, ":ho:V", options, NULL)) !=
	       -1) {
		if (option == 'h')
			return OPTIONS_HELP;
		if (option == 'V')
			return OPTIONS_VERSION;
		result = take_option(settings, option, argv, message);
		if (result != OPTIONS_GO_ON)
			return result;
	}
	settings->files = (const char *const *)(argv + optind);
	settings->file_count = (size_t)(argc - optind);
	if (settings->format == FORMAT_NONE)
		settings->format = FORMAT_TEXT;
	return check(settings, message);
}

void
options_release(struct settings *settings)
{
	free(settings->focus.texts);
	free(settings->ignore.texts);
	free(settings->skip.texts);
	free(settings->suppressions.texts);
}
