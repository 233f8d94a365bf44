#include "page.h"

#include <string.h>

/* The eight colours that every terminal has (ECMA-48, SGR). */
static const char *const codes[] = {
	[PAGE_BAD] = "\033[31m",   [PAGE_DOUBT] = "\033[33m",
	[PAGE_GOOD] = "\033[32m",  [PAGE_DIM] = "\033[2m",
	[PAGE_STRONG] = "\033[1m",
};

static const char reset[] = "\033[0m";

void
page_begin(struct page *page, enum page_style style)
{
	if (page->color)
		strbuf_adds(&page->text, codes[style]);
}

void
page_end(struct page *page)
{
	if (page->color)
		strbuf_adds(&page->text, reset);
}

void
page_adds(struct page *page, enum page_style style, const char *text)
{
	page_begin(page, style);
	strbuf_adds(&page->text, text);
	page_end(page);
}

/* Bytes that begin a character. */
static size_t
count_columns(const char *text, size_t len)
{
	size_t columns = 0;
	size_t i;

	for (i = 0; i < len; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	return columns;
}

size_t
page_columns(const char *text)
{
	return count_columns(text, strlen(text));
}

/* Bytes of a style at `text`, which take no column; 0: there is none. Names
 * can't bring any: they are escaped. */
static size_t
style_len(const char *text)
{
	return *text == '\033' ? strcspn(text, "m") + 1 : 0;
}

/* Bytes up to the next space or the end of the line, and their columns. */
static size_t
word_len(const char *text, size_t *columns)
{
	size_t i = 0;

	*columns = 0;
	while (text[i] && text[i] != ' ' && text[i] != '\n') {
		size_t skip = style_len(text + i);

		if (skip) {
			i += skip;
			continue;
		}
		*columns += count_columns(text + i, 1);
		i++;
	}
	return i;
}

/* The style that holds after the word, if it held `style` before. */
static const char *
style_after(const char *style, const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (word[i] == '\033')
			style = word + i;
	}
	return style;
}

/* Pagers forget styles at a line's end. */
static void
break_line(struct page *page, const char *style, size_t indent)
{
	bool is_styled = style && strncmp(style, reset, strlen(reset)) != 0;

	strbuf_adds(&page->text, is_styled ? reset : "");
	strbuf_addf(&page->text, "\n%*s", (int)indent, "");
	if (is_styled)
		strbuf_add(&page->text, style, style_len(style));
}

void
page_wrap(struct page *page, size_t begin, size_t indent)
{
	const char *style = NULL; /* as it began */
	struct strbuf lines = { 0 };
	const char *text;
	size_t column = 0;
	bool at_start = true; /* nothing but spaces in this line */

	if (!page->width || page->text.len == begin)
		return;
	strbuf_adds(&lines, page->text.data + begin);
	page->text.len = begin;
	for (text = lines.data; *text;) {
		size_t spaces = strspn(text, " ");
		size_t columns;
		size_t len = word_len(text + spaces, &columns);

		if (!at_start && len &&
		    column + spaces + columns > page->width) {
			break_line(page, style, indent);
			column = indent;
		} else {
			strbuf_add(&page->text, text, spaces);
			column += spaces;
		}
		strbuf_add(&page->text, text + spaces, len);
		style = style_after(style, text + spaces, len);
		column += columns;
		at_start = at_start && columns == 0;
		text += spaces + len;
		if (*text == '\n') {
			strbuf_addc(&page->text, *text++);
			column = 0;
			at_start = true;
		}
	}
	strbuf_release(&lines);
}

void
page_release(struct page *page)
{
	strbuf_release(&page->text);
}
