#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../analyzer/blame.h"
#include "../../analyzer/err.h"

#define FRAMES_MAX 16

/*
 * A stack in one text: frames innermost first, joined by '|', each
 * `function` (of module "app") or `function@module`.
 */
struct stack_text {
	char text[1024];
	struct blame_frame frames[FRAMES_MAX];
	size_t count;
};

static void
parse(struct stack_text *stack, const char *text)
{
	char *frame, *next, *at;

	assert_true(strlen(text) < sizeof(stack->text));
	strcpy(stack->text, text);
	stack->count = 0;
	for (frame = stack->text; frame; frame = next) {
		next = strchr(frame, '|');
		if (next)
			*next++ = '\0';
		at = strrchr(frame, '@');
		if (at)
			*at++ = '\0';
		assert_true(stack->count < FRAMES_MAX);
		stack->frames[stack->count].function = frame;
		stack->frames[stack->count].module = at ? at : "app";
		stack->count++;
	}
}

static void
expect_heap(const struct blame *blame, const char *text, const char *blamed)
{
	struct stack_text stack;
	size_t index;

	parse(&stack, text);
	index = blame_heap(blame, stack.frames, stack.count);
	assert_true(index < stack.count);
	assert_true(index >= blame_cut(blame, stack.frames, stack.count));
	assert_string_equal(stack.frames[index].function, blamed);
}

static void
expect_thread(const struct blame *blame, const char *text, const char *blamed)
{
	struct stack_text stack;
	size_t index;

	parse(&stack, text);
	index = blame_thread(blame, stack.frames, stack.count);
	assert_true(index < stack.count);
	assert_true(index >=
		    blame_thread_cut(blame, stack.frames, stack.count));
	assert_string_equal(stack.frames[index].function, blamed);
}

static void
expect_cut(const char *text, size_t cut)
{
	struct blame *blame = blame_new();
	struct stack_text stack;

	parse(&stack, text);
	assert_int_equal(blame_cut(blame, stack.frames, stack.count), cut);
	blame_free(blame);
}

static void
shim_and_allocator_frames_are_cut(void **state)
{
	(void)state;
	expect_cut("malloc@libleakshim.so|f|main", 1);
	expect_cut("lks_record@libleakshim.so.1|realloc@libleakshim.so|"
		   "reallocarray@libc.so.6|f|main",
		   3);
	expect_cut("operator new(unsigned long)@libjemalloc.so.2|f|main", 1);
	expect_cut("libtcmalloc.so.4+0x1234@libtcmalloc.so.4|f|main", 1);
	expect_cut("posix_memalign|f|main", 1);
}

static void
only_innermost_frames_are_cut(void **state)
{
	(void)state;
	expect_cut("f|malloc|main", 0);
	expect_cut("malloc|f|malloc|main", 1);
	expect_cut("operator new(unsigned long)@libstdc++.so.6|f", 0);
	expect_cut("malloc_consolidate|f", 0);
}

/* Names of real programs: mosquitto, lighttpd, curl, bind, postfix, Blender,
 * OpenLDAP, apr, samba, MariaDB. */
static void
wrappers_named_after_the_allocator_are_skipped(void **state)
{
	static const char *const names[] = {
		"mosquitto__malloc",
		"mosquitto__calloc",
		"mosquitto__realloc",
		"mosquitto__strdup",
		"mosquitto_strdup",
		"ck_malloc",
		"Curl_memdup",
		"Curl_memdup0",
		"curl_dbg_malloc",
		"isc__mem_strndup",
		"mymalloc",
		"MEM_mallocN",
		"ber_memalloc",
		"apr_pstrdup",
		"_talloc_array",
		"my_multi_malloc",
		"SafeMalloc",
		"Foo::malloc(unsigned long)",
		"kalloc_malloc.constprop.0",
		"buf_realloc.isra.0",
		"mem_alloc",
		"xmalloc_or_die",
		"app_reallocarray",
		"app_vasprintf",
	};
	struct blame *blame = blame_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text),
			 "malloc@libleakshim.so|%s|handle__publish|main",
			 names[i]);
		expect_heap(blame, text, "handle__publish");
	}
	blame_free(blame);
}

/* Constructors are what the reader wants to know. */
static void
names_like_an_allocators_are_blamed(void **state)
{
	static const char *const names[] = {
		"conn_alloc",  "pool_alloc",    "file_prealloc",
		"tp_dealloc",  "malloc_stats2", "install_malloc_hook",
		"evalloc",     "alloc",         "do_mallocs",
		"strdup_list", "calloc_table",  "keep_after_failed_realloc",
	};
	struct blame *blame = blame_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "malloc@libleakshim.so|%s|main",
			 names[i]);
		expect_heap(blame, text, names[i]);
	}
	blame_free(blame);
}

static void
outermost_frame_is_never_cut(void **state)
{
	(void)state;
	expect_cut("malloc", 0);
	expect_cut("malloc@libleakshim.so|calloc|malloc", 2);
	assert_int_equal(blame_cut(NULL, NULL, 0), 0);
}

static void
wrappers_are_not_blamed(void **state)
{
	static const char *const wrappers[] = {
		"strdup@libc.so.6",
		"fopen@libc.so.6",
		"__fopen_internal@libc.so.6",
		"__alloc_dir@libc.so.6",
		"__asprintf_chk@libc.so.6",
		"_IO_getdelim@libc.so.6",
		"zmalloc",
		"zmalloc_usable",
		"ztrymalloc_usable",
		"xmalloc",
		"g_malloc0_n",
		"g_strdup_printf",
		"ngx_alloc",
		"PyMem_RawMalloc",
		"_PyObject_Malloc",
		"Perl_safesysmalloc",
		"sqlite3MemMalloc",
		"CRYPTO_zalloc",
		"OPENSSL_malloc",
		"luaM_realloc_",
		"je_malloc",
		"operator new(unsigned long)",
		"operator new[](unsigned long, std::align_val_t)",
		"Pool::operator new(unsigned long)",
		"(anonymous namespace)::Pool::operator new[](unsigned long)",
		"_Znwm",
		"_ZnamRKSt9nothrow_t",
		"std::allocator<int>::allocate(unsigned long)",
		"__gnu_cxx::new_allocator<int>::allocate(unsigned long)",
		"std::__new_allocator<int>::allocate(unsigned long)",
		"std::allocator_traits<std::allocator<int> >::allocate()",
		"std::_Vector_base<int>::_M_allocate(unsigned long)",
		"std::vector<int, std::allocator<int> >::push_back(int&&)",
		"std::__1::vector<int>::__push_back_slow_path(int const&)",
		"std::__cxx11::basic_string<char>::_M_create()",
		"std::__detail::_Hashtable_alloc<int>::_M_allocate_node()",
		"std::__allocate_guarded<std::allocator<int> >()",
		"std::__shared_count<2>::__shared_count<int>()",
		"std::make_shared<int>()",
		"std::_Construct<std::string>(std::string*)",
		"alloc::alloc::alloc",
		"__rust_alloc",
		"__rdl_realloc",
		"alloc::raw_vec::RawVec<T,A>::reserve",
		"<alloc::raw_vec::RawVec<u8>>::grow_one",
		"<alloc::string::String as core::clone::Clone>::clone",
		"alloc::boxed::Box<T>::new",
		"std::sys::unix::alloc::System::alloc",
		"alloc::boxed::Box<T,A>::try_new_uninit_in",
		"<T as alloc::slice::<impl [T]>::to_vec_in::ConvertVec>::"
		"to_vec",
		"libc.so.6+0x1234@libc.so.6",
	};
	struct blame *blame = blame_new();
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
		snprintf(text, sizeof(text),
			 "malloc@libleakshim.so|%s|own|main", wrappers[i]);
		expect_heap(blame, text, "own");
	}
	blame_free(blame);
}

static void
functions_that_do_more_are_blamed(void **state)
{
	static const char *const functions[] = {
		"createObject",
		"sdsnewlen",
		"dictAddRaw",
		"ngx_palloc",
		"strduplicate",
		"xmlParse",
		"getline_from_user",
		"mallocator",
		"std::thread::_State_impl<main::{lambda()#1}>::_M_run()",
		"std::_Function_handler<void (), F>::_M_invoke()",
		"std::sort<int*>(int*, int*)",
		"Stdlib::vector::push_back()",
		"core::ops::function::FnOnce::call_once",
		"<app::Thing as alloc::borrow::ToOwned>::to_owned",
		"<alloc::boxed::Box<F,A> as core::ops::FnOnce>::call_once",
		"<alloc::vec::Vec<T> as app::Push>::push_all",
		"core::iter::traits::iterator::Iterator::collect",
		/* somebody's C++ */
		"alloc::Pool::take(unsigned long)",
		"alloc::vec::Vec::push(int) const",
		"core::Engine::run()",
		"operator newish()",
		"app+0x1234",
		"regcomp@libc.so.6",
	};
	struct blame *blame = blame_new();
	struct stack_text stack;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		snprintf(text, sizeof(text), "zmalloc|%s|main", functions[i]);
		parse(&stack, functions[i]);
		expect_heap(blame, text, stack.frames[0].function);
	}
	blame_free(blame);
}

static void
library_of_rust_is_not_blamed(void **state)
{
	/* As rustc 1.9x shows them: format!, collect(), BTreeMap::insert and
	 * u64::to_string, inlined and not. */
	static const char *const inner[] = {
		"alloc::alloc::alloc|<alloc::alloc::Global>::alloc_impl|"
		"alloc::fmt::format::format_inner|"
		"alloc::fmt::format::{{closure}}|"
		"core::option::Option<T>::map_or_else",
		"__rust_alloc|alloc::raw_vec::RawVec<T,A>::with_capacity_in|"
		"<alloc::vec::Vec<T> as core::iter::traits::collect::"
		"FromIterator<T>>::from_iter|"
		"core::iter::traits::iterator::Iterator::collect",
		"<alloc::alloc::Global as core::alloc::Allocator>::allocate|"
		"alloc::boxed::Box<T,A>::try_new_uninit_in|"
		"alloc::collections::btree::map::BTreeMap<K,V,A>::insert",
		"<T as alloc::slice::<impl [T]>::to_vec_in::ConvertVec>::"
		"to_vec|<str as alloc::string::SpecToString>::spec_to_string|"
		"core::ops::function::FnOnce::call_once",
		"alloc::vec::Vec<T,A>::with_capacity_in|"
		"<u8 as <[_]>::to_vec_in::ConvertVec>::to_vec::"
		"<alloc::alloc::Global>",
		"std::alloc::alloc|<&mut I as core::iter::Iterator>::next|"
		"std::io::Write::write_fmt",
	};
	struct blame *blame = blame_new();
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		snprintf(text, sizeof(text),
			 "malloc@libleakshim.so|%s|app::handle|app::main",
			 inner[i]);
		expect_heap(blame, text, "app::handle");
	}
	expect_heap(blame,
		    "__rust_alloc|core::option::Option<T>::map|"
		    "<app::Thing as core::clone::Clone>::clone|app::main",
		    "<app::Thing as core::clone::Clone>::clone");
	/* The program's function was inlined into what called it: neither main
	 * nor the C library did it. */
	expect_heap(blame,
		    "__rust_alloc|alloc::vec::Vec<T>::push|"
		    "core::ops::function::FnOnce::call_once|"
		    "std::sys::backtrace::__rust_begin_short_backtrace|"
		    "std::rt::lang_start|main|__libc_start_main@libc.so.6",
		    "core::ops::function::FnOnce::call_once");
	/* Rust's allocator is no reason to skip C++. */
	expect_heap(blame, "__rust_alloc|core::Engine::run()|main",
		    "core::Engine::run()");
	expect_heap(blame, "malloc|core::fmt::format|main",
		    "core::fmt::format");
	blame_free(blame);
}

static void
outermost_is_blamed_if_all_are_wrappers(void **state)
{
	struct blame *blame = blame_new();

	(void)state;
	expect_heap(blame, "malloc", "malloc");
	expect_heap(blame, "malloc@libleakshim.so|zmalloc|xstrdup", "xstrdup");
	expect_thread(blame, "pthread_create|std::thread::thread<F>(F)",
		      "std::thread::thread<F>(F)");
	blame_free(blame);
}

static void
skip_adds_wrappers(void **state)
{
	struct blame *blame = blame_new();
	struct err err;

	(void)state;
	assert_int_equal(blame_skip(blame, "^my_alloc(_zeroed)?$", &err), 0);
	assert_int_equal(blame_skip(blame, "Pool::", &err), 0);
	expect_heap(blame, "malloc|my_alloc_zeroed|Pool::get()|own|main",
		    "own");
	expect_heap(blame, "malloc|my_allocate|main", "my_allocate");
	expect_thread(blame, "pthread_create|Pool::start()|own|main", "own");
	blame_free(blame);
}

static void
skip_refuses_a_bad_expression(void **state)
{
	struct blame *blame = blame_new();
	struct err err = { 0 };

	(void)state;
	assert_int_equal(blame_skip(blame, "a(b", &err), -1);
	assert_int_equal(err.code, ERR_PATTERN);
	assert_non_null(strstr(err.text, "'a(b'"));
	blame_free(blame);
}

static void
skipped_frames_are_not_cut(void **state)
{
	struct blame *blame = blame_new();
	struct stack_text stack;
	struct err err;

	(void)state;
	assert_int_equal(blame_skip(blame, "own", &err), 0);
	parse(&stack, "malloc@libleakshim.so|own|main");
	assert_int_equal(blame_cut(blame, stack.frames, stack.count), 1);
	blame_free(blame);
}

static void
creator_of_a_thread_is_blamed(void **state)
{
	struct blame *blame = blame_new();

	(void)state;
	expect_thread(blame,
		      "pthread_create@libleakshim.so|"
		      "libstdc++.so.6+0xd44a1@libstdc++.so.6|"
		      "std::thread::_M_start_thread(S, void (*)())|"
		      "std::thread::thread<void (&)(), , void>(void (&)())|"
		      "spawn_worker|main",
		      "spawn_worker");
	expect_thread(blame, "thrd_create|start_pool|main", "start_pool");
	/* Where a goroutine waits is not who made it. */
	expect_thread(blame, "runtime.gopark|runtime.chanrecv|main.wait|main.f",
		      "main.wait");
	expect_thread(blame, "g_thread_new|g_thread_pool_new|main",
		      "g_thread_pool_new");
	expect_thread(blame,
		      "std::sys::unix::thread::Thread::new|"
		      "std::thread::spawn|app::serve|main",
		      "app::serve");
	/* An interpreter's own function has a name, its callers often none. */
	expect_thread(blame,
		      "pthread_create@libleakshim.so|PyThread_start_new_thread|"
		      "python3.11+0x678783@python3.11|main",
		      "PyThread_start_new_thread");
	expect_thread(blame,
		      "pthread_create|libffi.so.8+0x6f79@libffi.so.8|"
		      "ffi_call@libffi.so.8|main",
		      "ffi_call");
	/* What makes memory is not what makes threads. */
	expect_thread(blame, "pthread_create|zmalloc|main", "zmalloc");
	blame_free(blame);
}

static void
memory_of_a_new_thread_is_its_creators(void **state)
{
	struct blame *blame = blame_new();

	(void)state;
	expect_heap(blame,
		    "calloc@libleakshim.so|libc.so.6+0x1@libc.so.6|"
		    "pthread_create@libc.so.6|spawn_worker|main",
		    "spawn_worker");
	blame_free(blame);
}

static void
frames_without_module_are_judged_by_name(void **state)
{
	struct blame *blame = blame_new();
	const struct blame_frame frames[] = {
		{ "malloc", NULL },
		{ "0x7f0000001234", NULL },
		{ "main", NULL },
	};

	(void)state;
	assert_int_equal(blame_cut(blame, frames, 3), 1);
	assert_int_equal(blame_heap(blame, frames, 3), 1);
	blame_free(blame);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shim_and_allocator_frames_are_cut),
		cmocka_unit_test(only_innermost_frames_are_cut),
		cmocka_unit_test(
			wrappers_named_after_the_allocator_are_skipped),
		cmocka_unit_test(names_like_an_allocators_are_blamed),
		cmocka_unit_test(outermost_frame_is_never_cut),
		cmocka_unit_test(wrappers_are_not_blamed),
		cmocka_unit_test(functions_that_do_more_are_blamed),
		cmocka_unit_test(library_of_rust_is_not_blamed),
		cmocka_unit_test(outermost_is_blamed_if_all_are_wrappers),
		cmocka_unit_test(skip_adds_wrappers),
		cmocka_unit_test(skip_refuses_a_bad_expression),
		cmocka_unit_test(skipped_frames_are_not_cut),
		cmocka_unit_test(creator_of_a_thread_is_blamed),
		cmocka_unit_test(memory_of_a_new_thread_is_its_creators),
		cmocka_unit_test(frames_without_module_are_judged_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
