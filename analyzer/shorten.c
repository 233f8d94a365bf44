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

/* Of longer ones the containers stay as they are: finding the ends of groups
 * in groups takes time that grows with the square. */
#define STANDARD_MAX 4096

struct text {
	const char *data;
	size_t len;
};

static bool
starts(struct text text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

/* Bytes of the C++ library's long name of std::string; 0 = not that. */
static size_t
string_len(struct text text)
{
	static const char *const names[] = {
		"std::__cxx11::basic_string<char, std::char_traits<char>, "
		"std::allocator<char> >",
		"std::__cxx11::basic_string<char, std::char_traits<char>, "
		"std::allocator<char>>",
		"std::basic_string<char, std::char_traits<char>, "
		"std::allocator<char> >",
		"std::basic_string<char, std::char_traits<char>, "
		"std::allocator<char>>",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (starts(text, names[i]))
			return strlen(names[i]);
	return 0;
}

/* `T, std::allocator<T> ` and `T, std::allocator<T>`, where T may end in `>`
 * and be kept off by a space: bytes of T. 0: it is neither. */
static size_t
element_len(struct text arguments)
{
	static const char middle[] = ", std::allocator<";
	const size_t fixed = sizeof(middle) - 1;
	size_t len = arguments.len;
	size_t element;
	size_t space;

	if (len && arguments.data[len - 1] == ' ')
		len--;
	if (len <= fixed + 1 || arguments.data[len - 1] != '>')
		return 0;
	len--;
	for (space = 0; space < 2; space++) {
		if (len < fixed + space || (len - fixed - space) % 2)
			continue;
		element = (len - fixed - space) / 2;
		if (!element || (space && arguments.data[len - 1] != ' '))
			continue;
		if (memcmp(arguments.data + element, middle, fixed) == 0 &&
		    memcmp(arguments.data, arguments.data + element + fixed,
			   element) == 0)
			return element;
	}
	return 0;
}

/* The same of a container at the front of `text`: where it ends, and its T.
 * 0 = there is none. */
static size_t
container_len(struct text text, size_t *open, size_t *element)
{
	static const char *const names[] = {
		"std::vector<",
		"std::deque<",
		"std::list<",
		"std::__cxx11::list<",
	};
	struct text arguments;
	const char *end;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (starts(text, names[i]))
			break;
	if (i == sizeof(names) / sizeof(names[0]))
		return 0;
	*open = strlen(names[i]);
	end = end_of_group(text.data + *open - 1, '<', '>');
	if ((size_t)(end - text.data) > text.len || end[-1] != '>')
		return 0;
	arguments.data = text.data + *open;
	arguments.len = (size_t)(end - arguments.data) - 1;
	*element = element_len(arguments);
	return *element ? (size_t)(end - text.data) : 0;
}

/* No deeper than the logarithm of the length: T is less than half of what it
 * is in. */
static void
add_standard(struct strbuf *out, struct text text, bool with_containers)
{
	const char *begin = text.data;

	while (text.len) {
		bool is_start =
			text.data == begin ||
			(!is_name_char(text.data[-1]) && text.data[-1] != ':');
		size_t skip = is_start ? string_len(text) : 0;
		size_t open = 0, element = 0;

		if (skip) {
			strbuf_adds(out, "std::string");
		} else if (is_start && with_containers &&
			   (skip = container_len(text, &open, &element))) {
			strbuf_add(out, text.data, open);
			add_standard(out,
				     (struct text){ text.data + open, element },
				     true);
			strbuf_addc(out, '>');
		} else {
			skip = 1;
			strbuf_addc(out, *text.data);
		}
		text.data += skip;
		text.len -= skip;
	}
}

void
shorten_standard(struct strbuf *out, const char *name)
{
	struct strbuf printable = { 0 };
	struct text text;

	strbuf_add_printable(&printable, name);
	text.data = strbuf_text(&printable);
	text.len = printable.len;
	add_standard(out, text, text.len <= STANDARD_MAX);
	strbuf_release(&printable);
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
	shorten_standard(&now, name);
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
