#include "dump_options.h"

#include <string.h>

const char dump_options_help[] =
	"Usage: leakdiff dump [OPTIONS] FILE    what 'leakshim dump' wrote\n"
	"\n"
	"Lists the live blocks of a process: by site, by type where the dump has\n"
	"contents, and the oldest; with --csv each of them. FILE is read twice, so\n"
	"it is no pipe. It is a snapshot too: leakdiff compares it with others.\n"
	"\n"
	"Options:\n"
	"  --text            a report to read (the default)\n"
	"  --csv             one row per block\n"
	"  --json            the report, for programs\n"
	"  -o, --output FILE write to FILE, '-' is standard output\n"
	"  --top N           N sites, types and oldest blocks (10)\n"
	"  --skip RE         this and the next as of leakdiff\n"
	"  --no-inlines\n"
	"  --no-symbols\n"
	"  --debug-dir PATH\n"
	"  --sysroot DIR\n"
	"  --debuginfod[=S]\n"
	"  -h, --help        this\n"
	"\n"
	"Examples:\n"
	"  leakdiff dump app.1.dump\n"
	"  leakdiff dump app.1.dump --csv | grep Session | head\n";

#define TOP 10

static enum options_result
refuse(struct strbuf *message, const char *text)
{
	strbuf_adds(message, text);
	return OPTIONS_USAGE;
}

/* What is asked for and has no meaning here. */
static bool
is_other(const struct settings *settings)
{
	return settings->all_frames || settings->growth_only ||
	       settings->threads || settings->color != COLOR_AUTO ||
	       settings->grouping != GROUP_STACK ||
	       settings->order != ORDER_DEFAULT || settings->min_bytes ||
	       settings->focus.count || settings->ignore.count ||
	       settings->judge.warmup_s >= 0 || settings->judge.limit_bytes ||
	       settings->suppressions.count || settings->show_suppressions ||
	       settings->baseline || settings->write_baseline ||
	       settings->fail_over || settings->fail_over_total ||
	       settings->fail_threads || settings->max_loss || settings->verify;
}

enum options_result
dump_options_parse(struct settings *settings, int argc, char **argv,
		   struct strbuf *message)
{
	enum options_result result =
		options_parse(settings, argc, argv, message);

	/* Which of the texts is printed is the caller's. */
	if (result != OPTIONS_GO_ON)
		return result;
	if (settings->format != FORMAT_TEXT && settings->format != FORMAT_CSV &&
	    settings->format != FORMAT_JSON)
		return refuse(message,
			      "a dump is written as --text, --csv or --json");
	if (is_other(settings))
		return refuse(message, "an option that says nothing about the "
				       "blocks of a dump");
	if (settings->file_count != 1)
		return refuse(message, "dump takes one file");
	if (strcmp(settings->files[0], "-") == 0)
		return refuse(message, "a dump is read twice: give a file, not "
				       "standard input");
	if (!settings->top_given)
		settings->top = TOP;
	return OPTIONS_GO_ON;
}
