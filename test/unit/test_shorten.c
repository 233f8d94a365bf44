/* Function names that fit a line, and lines that fit a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/page.h"
#include "../../analyzer/shorten.h"

static void
assert_short(const char *name, size_t columns, const char *expected)
{
	struct strbuf out = { 0 };

	shorten_function(&out, name, columns);
	assert_string_equal(strbuf_text(&out), expected);
	strbuf_release(&out);
}

static void
names_that_fit_stay(void **state)
{
	(void)state;
	assert_short("create", 12, "create");
	assert_short("std::vector<int>::push_back(int const&)", 39,
		     "std::vector<int>::push_back(int const&)");
	assert_short("", 40, "");
}

static void
template_arguments_go_first(void **state)
{
	(void)state;
	assert_short("std::map<std::string, std::vector<int> >::insert(int)",
		     30, "std::map<...>::insert(int)");
	assert_short("f<a>::g<(b)1, std::less<std::pair<int, int> > >(int)", 20,
		     "f<a>::g<...>(int)");
	/* Operators are no brackets. */
	assert_short("std::operator<< <std::char_traits<char> >(std::ostream&)",
		     40, "std::operator<< <...>(std::ostream&)");
	assert_short("Iterator<Container<Element> >::operator->() const", 36,
		     "Iterator<...>::operator->() const");
	assert_short("less<Container<Element> >::operator()(int, int)", 34,
		     "less<...>::operator()(int, int)");
	/* What the name begins with is the whole of it in Rust. */
	assert_short("<app::Vec<u8> as core::clone::Clone>::clone", 50,
		     "<app::Vec<u8> as core::clone::Clone>::clone");
}

static void
parameters_and_what_encloses_go_next(void **state)
{
	(void)state;
	assert_short("ns::Server::handle(std::string const&, int)", 24,
		     "ns::Server::handle(...)");
	assert_short("company::product::ns::Server::handle(int)", 20,
		     "...::handle(int)");
	assert_short("(anonymous namespace)::create(std::string const&)", 40,
		     "(anonymous namespace)::create(...)");
}

static void
standard_types_are_as_people_write_them(void **state)
{
	(void)state;
	assert_short("put(std::__cxx11::basic_string<char, "
		     "std::char_traits<char>, std::allocator<char> > const&)",
		     80, "put(std::string const&)");
	assert_short("std::basic_string<char, std::char_traits<char>, "
		     "std::allocator<char>>::reserve(unsigned long)",
		     80, "std::string::reserve(unsigned long)");
	assert_short("f(std::vector<int, std::allocator<int> >&)", 80,
		     "f(std::vector<int>&)");
	assert_short(
		"std::vector<std::__cxx11::basic_string<char, "
		"std::char_traits<char>, std::allocator<char> >, "
		"std::allocator<std::__cxx11::basic_string<char, "
		"std::char_traits<char>, std::allocator<char> > > >::grow()",
		80, "std::vector<std::string>::grow()");
	assert_short("std::vector<A<int>, std::allocator<A<int> > >::grow()",
		     80, "std::vector<A<int>>::grow()");
	/* Other allocators, characters and namespaces are news. */
	assert_short("f(std::vector<int, Pool<int> >)", 80,
		     "f(std::vector<int, Pool<int> >)");
	assert_short("f(std::vector<int, std::allocator<long> >)", 80,
		     "f(std::vector<int, std::allocator<long> >)");
	assert_short("f(my::std::vector<int, std::allocator<int> >)", 80,
		     "f(my::std::vector<int, std::allocator<int> >)");
	assert_short("std::basic_string<wchar_t, std::char_traits<wchar_t>, "
		     "std::allocator<wchar_t> >::reserve()",
		     99,
		     "std::basic_string<wchar_t, std::char_traits<wchar_t>, "
		     "std::allocator<wchar_t> >::reserve()");
}

/* A file may bring any name. */
static void
broken_containers_are_no_trouble(void **state)
{
	static const char *const parts[] = {
		"std::vector<",
		", std::allocator<",
		">",
		" >",
		"int",
		"(",
		")",
		"std::list<",
		"operator>",
		"::",
	};
	uint32_t seed = 1;
	size_t round, i;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct strbuf name = { 0 }, out = { 0 };

		for (i = 0; i < round % 16; i++) {
			seed = seed * 1664525 + 1013904223;
			strbuf_adds(&name,
				    parts[(seed >> 16) %
					  (sizeof(parts) / sizeof(parts[0]))]);
		}
		shorten_standard(&out, strbuf_text(&name));
		assert_true(out.len <= name.len);
		strbuf_release(&out);
		strbuf_release(&name);
	}
}

static void
what_never_fits_is_cut_in_the_middle(void **state)
{
	(void)state;
	assert_short("a_function_of_c_with_a_very_long_name", 20,
		     "a_functi...long_name");
	/* Never less than twelve columns; characters stay whole. */
	assert_short("abcdefghijklmnopqrstuvwxyz", 0, "abcd...vwxyz");
	assert_short("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4"
		     "\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f",
		     12,
		     "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4...\xc3\xbc\xc3"
		     "\xa4\xc3\xb6\xc3\xbc\xc3\x9f");
}

static void
broken_names_are_no_trouble(void **state)
{
	static const char alphabet[] = "<>()a:-~ o*\xc3\xa4\x1b";
	char name[65];
	uint32_t seed = 1;
	size_t round, i;

	(void)state;
	for (round = 0; round < 20000; round++) {
		size_t columns = 12 + round % 30;
		struct strbuf out = { 0 };
		size_t len = round % sizeof(name);

		for (i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			name[i] =
				alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
		}
		name[len] = '\0';
		if (round % 3 == 0 && len > 9)
			memcpy(name + 1, "operator", 8);
		shorten_function(&out, name, columns);
		assert_true(page_columns(strbuf_text(&out)) <= columns);
		assert_null(strchr(strbuf_text(&out), '\x1b'));
		strbuf_release(&out);
	}
}

static void
assert_wrapped(unsigned int width, size_t indent, const char *text,
	       const char *expected)
{
	struct page page = { .color = true, .width = width };

	strbuf_adds(&page.text, "before it ");
	strbuf_adds(&page.text, text);
	page_wrap(&page, 10, indent);
	assert_string_equal(strbuf_text(&page.text) + 10, expected);
	page_release(&page);
}

static void
lines_are_broken_at_spaces(void **state)
{
	(void)state;
	assert_wrapped(10, 2, "one two three four\n",
		       "one two\n  three\n  four\n");
	assert_wrapped(10, 2, "one two 10\nx\n", "one two 10\nx\n");
	assert_wrapped(0, 2, "one two three four\n", "one two three four\n");
	/* Longer than a line; indented; spaces that stand for columns. */
	assert_wrapped(6, 0, "unbreakable\n", "unbreakable\n");
	assert_wrapped(10, 4, "   indented more\n", "   indented\n    more\n");
	assert_wrapped(12, 4, "a   b   c   d\n", "a   b   c\n    d\n");
	assert_wrapped(8, 0, "", "");
}

static void
styles_take_no_room_and_end_with_the_line(void **state)
{
	(void)state;
	assert_wrapped(7, 1, "\033[31mone two three\033[0m x\n",
		       "\033[31mone two\033[0m\n \033[31mthree\033[0m\n x\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_fit_stay),
		cmocka_unit_test(template_arguments_go_first),
		cmocka_unit_test(parameters_and_what_encloses_go_next),
		cmocka_unit_test(standard_types_are_as_people_write_them),
		cmocka_unit_test(broken_containers_are_no_trouble),
		cmocka_unit_test(what_never_fits_is_cut_in_the_middle),
		cmocka_unit_test(broken_names_are_no_trouble),
		cmocka_unit_test(lines_are_broken_at_spaces),
		cmocka_unit_test(styles_take_no_room_and_end_with_the_line),
	};

	return cmocka_run_group_tests_name("shorten", tests, NULL, NULL);
}
