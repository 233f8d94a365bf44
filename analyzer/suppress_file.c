/* The text of suppressions: read, matched and printed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "parse.h"
#include "suppress_parts.h"
#include "textfile.h"
#include "xalloc.h"

/* --- patterns --------------------------------------------------------------- */

static const char *
find_part(const char *text, const char *part, size_t len, bool at_start)
{
	if (at_start)
		return strncmp(text, part, len) == 0 ? text : NULL;
	return memmem(text, strlen(text), part, len);
}

/*
 * The leftmost place for each part leaves the most text for those after it, so
 * nothing is ever tried twice. (LeakSanitizer's own matcher takes the leftmost
 * place for the last part too: there "a$" misses "aba".)
 */
bool
suppress_matches(const char *pattern, const char *name)
{
	bool at_start = *pattern == '^';

	if (!*name)
		return false;
	for (pattern += at_start;; at_start = false) {
		size_t len = strcspn(pattern, "*$");
		size_t left;

		if (pattern[len] == '$') {
			left = strlen(name);
			if (left < len || (at_start && left != len))
				return false;
			return memcmp(name + left - len, pattern, len) == 0;
		}
		name = find_part(name, pattern, len, at_start);
		if (!name || !pattern[len])
			return name != NULL;
		name += len;
		pattern += len + 1;
	}
}

/* --- reading ---------------------------------------------------------------- */

struct line {
	const char *name; /* of the file */
	size_t number;
	const char *text; /* without white space around */
	size_t len;
};

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
trim(struct line *line)
{
	while (line->len && is_space(line->text[0])) {
		line->text++;
		line->len--;
	}
	while (line->len && is_space(line->text[line->len - 1]))
		line->len--;
}

static int __attribute__((format(printf, 3, 4)))
refuse(const struct line *line, struct err *err, const char *format, ...)
{
	char reason[256];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	err_set(err, ERR_PATTERN, "'%s', line %zu: %s", line->name,
		line->number, reason);
	return -1;
}

static bool
skip_word(struct line *line, const char *word)
{
	size_t len = strlen(word);

	if (line->len < len || memcmp(line->text, word, len) != 0)
		return false;
	line->text += len;
	line->len -= len;
	return true;
}

/* N: of once:N:PATTERN. */
static int
take_once(struct line *line, struct rule *rule, struct err *err)
{
	const char *colon = memchr(line->text, ':', line->len);
	char number[24];
	size_t len = colon ? (size_t)(colon - line->text) : line->len;

	if (colon && len < sizeof(number)) {
		memcpy(number, line->text, len);
		number[len] = '\0';
		if (parse_count(number, &rule->once) && rule->once > 0 &&
		    rule->once <= SUPPRESS_ONCE_MAX) {
			line->text += len + 1;
			line->len -= len + 1;
			return 0;
		}
	}
	return refuse(line, err,
		      "'once:' takes a number of objects from 1 to %u and a "
		      "pattern, as in once:3:^_IO_file_doallocate$",
		      SUPPRESS_ONCE_MAX);
}

static int
check_pattern(const struct line *line, struct err *err)
{
	const char *end = memchr(line->text, '$', line->len);
	size_t i;

	if (line->len == 0)
		return refuse(line, err, "no pattern: it would match all");
	if (line->len > SUPPRESS_PATTERN_BYTES)
		return refuse(line, err, "a pattern of more than %u bytes",
			      SUPPRESS_PATTERN_BYTES);
	for (i = 0; i < line->len; i++) {
		if ((unsigned char)line->text[i] < ' ' || line->text[i] == 0x7f)
			return refuse(line, err, "a control character");
	}
	if (end && end != line->text + line->len - 1)
		return refuse(line, err,
			      "'$' is the end of a name: nothing can follow "
			      "it");
	return 0;
}

static int
read_rule(struct line *line, struct rule *rule, struct err *err)
{
	if (skip_word(line, "leak:")) {
		rule->kind = RULE_LEAK;
	} else if (skip_word(line, "thread:")) {
		rule->kind = RULE_THREAD;
	} else if (skip_word(line, "once:")) {
		rule->kind = RULE_ONCE;
	} else {
		refuse(line, err,
		       "no suppression: expected leak:PATTERN, "
		       "thread:PATTERN or once:N:PATTERN");
		return -1;
	}
	if (rule->kind == RULE_ONCE && take_once(line, rule, err))
		return -1;
	trim(line);
	if (check_pattern(line, err))
		return -1;
	rule->pattern = xmalloc(line->len + 1);
	memcpy(rule->pattern, line->text, line->len);
	rule->pattern[line->len] = '\0';
	return 0;
}

/* So a file that --show-suppressions made adds nothing to what is built in. */
static bool
is_known(const struct suppress *suppress, const struct rule *rule)
{
	size_t i;

	for (i = 0; i < suppress->count; i++) {
		const struct rule *known = &suppress->rules[i];

		if (known->kind == rule->kind && known->once == rule->once &&
		    strcmp(known->pattern, rule->pattern) == 0)
			return true;
	}
	return false;
}

static void
add_rule(struct suppress *suppress, const struct rule *rule)
{
	suppress->rules = xgrow(suppress->rules, &suppress->capacity,
				suppress->count + 1, sizeof(*rule));
	suppress->rules[suppress->count++] = *rule;
	suppress->by_kind[rule->kind]++;
}

static void
drop_rules(struct suppress *suppress, size_t from)
{
	while (suppress->count > from) {
		struct rule *rule = &suppress->rules[--suppress->count];

		suppress->by_kind[rule->kind]--;
		free(rule->pattern);
		free(rule->title);
	}
}

static char *
copy_title(const struct line *line)
{
	struct line title = *line;
	struct strbuf text = { 0 };

	skip_word(&title, "#");
	trim(&title);
	strbuf_add(&text, title.text, title.len);
	return strbuf_detach(&text);
}

/* `source` NULL: built-in. */
static int
read_rules(struct suppress *suppress, const char *source, const char *name,
	   const char *text, size_t len, struct err *err)
{
	struct line line = { .name = name };
	size_t before = suppress->count;
	const char *end = text + len;
	char *title = NULL;

	for (; text < end; text += line.len + 1) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		struct rule rule = { .source = source };
		struct line rest;

		line.number++;
		line.text = text;
		line.len = (size_t)((eol ? eol : end) - text);
		rest = line;
		trim(&rest);
		if (rest.len && rest.text[0] == '#' && !source) {
			free(title);
			title = copy_title(&rest);
		}
		if (!rest.len || rest.text[0] == '#')
			continue;
		if (read_rule(&rest, &rule, err)) {
			drop_rules(suppress, before);
			free(title);
			return -1;
		}
		if (is_known(suppress, &rule)) {
			free(rule.pattern);
			continue;
		}
		if (suppress->count == SUPPRESS_RULES_MAX) {
			free(rule.pattern);
			drop_rules(suppress, before);
			free(title);
			return refuse(&line, err,
				      "more than %u suppressions in all",
				      SUPPRESS_RULES_MAX);
		}
		rule.title = title;
		title = NULL;
		add_rule(suppress, &rule);
	}
	free(title);
	return 0;
}

int
suppress_parse(struct suppress *suppress, const char *name, const char *text,
	       size_t len, struct err *err)
{
	char *source;

	if (len > SUPPRESS_FILE_BYTES)
		return err_set(err, ERR_TOO_LARGE,
			       "'%s' has more than %u bytes", name,
			       SUPPRESS_FILE_BYTES);
	source = xstrdup(name);
	suppress->sources = xgrow(suppress->sources, &suppress->source_capacity,
				  suppress->source_count + 1, sizeof(char *));
	suppress->sources[suppress->source_count++] = source;
	return read_rules(suppress, source, name, text, len, err);
}

int
suppress_load(struct suppress *suppress, const char *file, struct err *err)
{
	struct strbuf text = { 0 };
	int result;

	result = textfile_read(file, SUPPRESS_FILE_BYTES, &text, NULL, err);
	if (result == 0)
		result = suppress_parse(suppress, file, strbuf_text(&text),
					text.len, err);
	strbuf_release(&text);
	return result;
}

struct suppress *
suppress_new(void)
{
	struct suppress *suppress = xcalloc(1, sizeof(*suppress));
	struct err err;

	/* test_suppress.c has that they are good. */
	if (read_rules(suppress, NULL, "built-in", suppress_builtin,
		       strlen(suppress_builtin), &err))
		abort();
	return suppress;
}

void
suppress_free(struct suppress *suppress)
{
	size_t i;

	if (!suppress)
		return;
	drop_rules(suppress, 0);
	for (i = 0; i < suppress->source_count; i++)
		free(suppress->sources[i]);
	free(suppress->sources);
	free(suppress->rules);
	free(suppress->places);
	free(suppress);
}

/* --- printing --------------------------------------------------------------- */

static void
print_matched(const struct rule *rule, struct strbuf *out)
{
	strbuf_adds(out, "# matched ");
	format_count(out, (int64_t)rule->sites, false);
	strbuf_adds(out, rule->sites == 1 ? " site, " : " sites, ");
	format_count(out, rule->bytes, false);
	strbuf_adds(out, rule->bytes == 1 ? " byte in " : " bytes in ");
	format_count(out, rule->objects, false);
	strbuf_adds(out, rule->objects == 1 ? " object\n" : " objects\n");
}

/* As it was written: it loads again, and holds no control characters. */
static void
print_rule(const struct rule *rule, struct strbuf *out)
{
	switch (rule->kind) {
	case RULE_LEAK:
		strbuf_adds(out, "leak:");
		break;
	case RULE_THREAD:
		strbuf_adds(out, "thread:");
		break;
	case RULE_ONCE:
	case RULE_KIND_COUNT:
		strbuf_addf(out, "once:%" PRIu64 ":", rule->once);
		break;
	}
	strbuf_adds(out, rule->pattern);
	strbuf_addc(out, '\n');
}

void
suppress_print(const struct suppress *suppress, bool counts, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < suppress->count; i++) {
		const struct rule *rule = &suppress->rules[i];

		if (rule->title)
			strbuf_addf(out, "%s# built-in: %s\n", i ? "\n" : "",
				    rule->title);
		if (rule->source &&
		    (i == 0 || suppress->rules[i - 1].source != rule->source)) {
			strbuf_adds(out, i ? "\n# from " : "# from ");
			strbuf_add_printable(out, rule->source);
			strbuf_addc(out, '\n');
		}
		/* Of one's own it is worth knowing that nothing matches. */
		if (counts && (rule->source || rule->sites))
			print_matched(rule, out);
		print_rule(rule, out);
	}
}
