#include "shorten.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

#define SHORTEN_MIN 12

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '$' ||
	       (unsigned char)c >= 0x80;
}

/* operator<, operator>>, operator->, operator() : bytes of the operator's
 * name at `text`, which follows a character of its own; 0 = not one. */
static size_t
operator_len(const char *text)
{
	static const char word[] = "operator";
	const size_t len = sizeof(word) - 1;
	size_t more;

	if (strncmp(text, word, len) != 0 || is_name_char(text[len]))
		return 0;
	if (strncmp(text + len, "()", 2) == 0)
		return len + 2;
	more = strspn(text + len, "<>=-*");
	/* `operator< <int>` is spelled with a space. */
	return more ? len + more : 0;
}

/* Where the group that opens at `text` ends: past its closing character; the
 * text's end if it never does. */
static const char *
end_of_group(const char *text, char open, char close)
{
	size_t depth = 0;

	for (; *text; text++) {
		size_t skip = operator_len(text);

		if (skip)
			text += skip - 1;
		else if (*text == open)
			depth++;
		else if (*text == close && text[-1] != '-' && --depth == 0)
			return text + 1;
	}
	return text;
}

/* Replaces what is in the outermost groups, but for one that the name begins
 * with: Rust's `<T as Trait>::function`, and "(anonymous namespace)". */
static void
elide_groups(struct strbuf *out, const char *name, char open, char close)
{
	const char *text = name;

	while (*text) {
		size_t skip = text == name || !is_name_char(text[-1])
				      ? operator_len(text)
				      : 0;
		const char *end;

		if (skip) {
			strbuf_add(out, text, skip);
			text += skip;
			continue;
		}
		if (*text != open || text == name ||
		    (open == '(' && strncmp(text, "(anon", 5) == 0)) {
			strbuf_addc(out, *text++);
			continue;
		}
		end = end_of_group(text, open, close);
		if (end[-1] != close) {
			strbuf_adds(out, text);
			return;
		}
		strbuf_addc(out, open);
		/* Shorter ones cost less than the dots. */
		if (end - text > 5)
			strbuf_adds(out, "...");
		else
			strbuf_add(out, text + 1, (size_t)(end - text) - 2);
		strbuf_addc(out, close);
		text = end;
	}
}

/* The function's own name: what follows the last "::" that is in no group.
 * NULL: nothing encloses it. */
static const char *
own_name(const char *name)
{
	const char *own = NULL;
	size_t depth = 0;

	for (; *name; name++) {
		size_t skip = operator_len(name);

		if (skip) {
			name += skip - 1;
			continue;
		}
		depth += *name == '<' || *name == '(';
		if ((*name == '>' || *name == ')') && depth)
			depth--;
		if (depth == 0 && name[0] == ':' && name[1] == ':')
			own = name + 2;
	}
	return own;
}

/* Bytes of the first `columns` characters. */
static size_t
bytes_of(const char *text, size_t columns)
{
	size_t i = 0;

	while (text[i]) {
		if (((unsigned char)text[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
		i++;
	}
	return i;
}

static void
cut_middle(struct strbuf *out, const char *name, size_t columns)
{
	size_t all = page_columns(name);
	size_t head = (columns - 3) / 2;
	size_t tail = columns - 3 - head;

	strbuf_add(out, name, bytes_of(name, head));
	strbuf_adds(out, "...");
	strbuf_adds(out, name + bytes_of(name, all - tail));
}

static bool
fits(const struct strbuf *name, size_t columns)
{
	return page_columns(strbuf_text(name)) <= columns;
}

void
shorten_function(struct strbuf *out, const char *name, size_t columns)
{
	struct strbuf now = { 0 }, next = { 0 };
	const char *own;

	if (columns < SHORTEN_MIN)
		columns = SHORTEN_MIN;
	strbuf_add_printable(&now, name);
	if (!fits(&now, columns)) {
		elide_groups(&next, strbuf_text(&now), '<', '>');
		strbuf_clear(&now);
		strbuf_adds(&now, strbuf_text(&next));
		strbuf_clear(&next);
	}
	if (!fits(&now, columns)) {
		elide_groups(&next, strbuf_text(&now), '(', ')');
		strbuf_clear(&now);
		strbuf_adds(&now, strbuf_text(&next));
		strbuf_clear(&next);
	}
	own = own_name(strbuf_text(&now));
	if (!fits(&now, columns) && own) {
		strbuf_adds(&next, "...::");
		strbuf_adds(&next, own);
		strbuf_clear(&now);
		strbuf_adds(&now, strbuf_text(&next));
	}
	if (fits(&now, columns))
		strbuf_adds(out, strbuf_text(&now));
	else
		cut_middle(out, strbuf_text(&now), columns);
	strbuf_release(&now);
	strbuf_release(&next);
}
