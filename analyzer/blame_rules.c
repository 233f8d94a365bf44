/*
 * A rule is a name, or the beginning of one if it ends in '*'. It is compared
 * with the function's name without its parameters, in the order of the
 * tables; a name that fits several rules fits them all, so order is free.
 */
#include "blame_rules.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "blame_rust.h"
#include "blame_words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A line for each name would be six hundred lines. */
/* clang-format off */

/* Module base names, by their beginnings. */
static const char *const shim_modules[] = { "libleakshim.so*" };

static const char *const allocator_modules[] = {
	"libjemalloc*", "libtcmalloc*", "libmimalloc*", "libscudo*",
	"libhoard*", "libsnmalloc*", "librpmalloc*", "libtbbmalloc*",
	"liblockless*", "libhardened_malloc*",
};

static const char *const allocators[] = {
	"malloc", "calloc", "realloc", "reallocarray", "memalign",
	"aligned_alloc", "posix_memalign", "valloc", "pvalloc", "__libc_malloc",
	"__libc_calloc", "__libc_realloc", "__libc_reallocarray",
	"__libc_memalign", "__libc_valloc", "__libc_pvalloc",
	"__posix_memalign", "__aligned_alloc",
};

/* Where a frame without a name says nothing that its caller does not. */
static const char *const runtime_modules[] = {
	"libc.so*", "libc-2*", "libpthread*", "ld-linux*", "ld-musl*",
	"libstdc++.so*", "libc++.so*", "libc++abi.so*", "libgcc_s.so*",
	"libffi.so*",
};

static const char *const wrappers[] = {
	/* C library */
	"strdup", "__strdup", "strndup", "__strndup", "wcsdup", "asprintf",
	"__asprintf", "___asprintf", "__asprintf_chk", "___asprintf_chk",
	"vasprintf", "__vasprintf", "__vasprintf_chk", "___vasprintf_chk",
	"__vasprintf_internal", "_IO_vasprintf", "getline", "__getline",
	"getdelim", "__getdelim", "_IO_getdelim", "_IO_file_doallocate",
	"_IO_wfile_doallocate", "_IO_default_doallocate",
	"fopen", "fopen64", "__fopen_internal", "_IO_new_fopen", "fdopen",
	"_IO_new_fdopen", "fmemopen", "__fmemopen", "open_memstream",
	"__open_memstream", "popen", "_IO_new_popen", "opendir", "__opendir",
	"__alloc_dir", "fdopendir", "__fdopendir", "realpath",
	"realpath_stk", "__realpath", "getcwd", "__getcwd",
	"__libc_alloc_buffer_*", "__libc_dynarray_*", "__libc_scratch_buffer_*",
	"__rtld_malloc", "__rtld_calloc", "__rtld_realloc", "__minimal_malloc",
	"_dl_allocate_tls*", "allocate_dtv", "allocate_stack",
	/* by tradition */
	"xmalloc*", "xcalloc*", "xrealloc*", "x2realloc*", "x2nrealloc*",
	"xzalloc*", "xzmalloc*", "xnmalloc*", "xnrealloc*", "xreallocarray*",
	"xmemdup*", "xstrdup*", "xstrndup*", "xasprintf*", "xvasprintf*",
	"s_malloc", "s_calloc", "s_realloc", "s_strdup", "safe_malloc",
	"safe_calloc", "safe_realloc", "safe_strdup", "checked_malloc",
	"emalloc", "ecalloc", "erealloc", "estrdup", "malloc_or_die",
	/* allocators linked into the program, by their prefixes */
	"je_malloc*", "je_calloc*", "je_realloc*", "je_memalign*",
	"je_aligned_alloc*", "je_posix_memalign*", "_rjem_*", "mi_malloc*",
	"mi_calloc*", "mi_realloc*", "mi_zalloc*", "mi_mallocn*", "mi_strdup*",
	"mi_strndup*", "mi_aligned_alloc*", "mi_posix_memalign*",
	"mi_memalign*", "mi_new*", "mi_heap_malloc*", "mi_heap_calloc*",
	"mi_heap_zalloc*", "mi_heap_realloc*", "tc_malloc*", "tc_calloc*",
	"tc_realloc*", "tc_memalign*", "tc_posix_memalign*", "tc_valloc*",
	"tc_pvalloc*", "tc_new*",
	/* redis, nginx, sqlite, openssl, perl, lua */
	"zmalloc*", "zcalloc*", "zrealloc*", "ztrymalloc*", "ztrycalloc*",
	"ztryrealloc*", "zstrdup", "ngx_alloc", "ngx_calloc", "ngx_memalign",
	"sqlite3MemMalloc", "sqlite3MemRealloc", "sqlite3Malloc*",
	"sqlite3Realloc", "sqlite3_malloc*", "sqlite3_realloc*",
	"sqlite3DbMalloc*", "sqlite3DbRealloc*", "sqlite3DbStrDup",
	"sqlite3DbStrNDup", "sqlite3_mprintf", "sqlite3_vmprintf",
	"sqlite3MPrintf", "sqlite3VMPrintf", "CRYPTO_malloc*", "CRYPTO_zalloc",
	"CRYPTO_calloc", "CRYPTO_realloc", "CRYPTO_clear_realloc",
	"CRYPTO_strdup", "CRYPTO_strndup", "CRYPTO_memdup",
	"CRYPTO_aligned_alloc", "CRYPTO_secure_malloc", "CRYPTO_secure_zalloc",
	"OPENSSL_malloc*", "OPENSSL_zalloc", "OPENSSL_realloc",
	"OPENSSL_strdup", "OPENSSL_memdup", "Perl_safesys*", "Perl_savepv*",
	"Perl_malloc", "Perl_calloc", "Perl_realloc", "luaM_*", "l_alloc",
	"luaL_alloc",
	/* samba, MariaDB */
	"_talloc*", "talloc_named*", "my_multi_malloc*",
	/* glib, Qt, libuv, libevent, ffmpeg, libxml2, jansson */
	"g_malloc*", "g_realloc*", "g_try_*", "g_slice_alloc*", "g_slice_copy",
	"g_aligned_alloc*", "g_memdup*", "g_strdup*", "g_strndup",
	"g_strconcat", "qMalloc", "qCalloc", "qRealloc", "QArrayData::*",
	"QListData::*", "uv__malloc", "uv__calloc", "uv__realloc*",
	"uv__strdup", "uv__strndup", "event_mm_*", "av_malloc*", "av_calloc",
	"av_realloc*", "av_strdup", "av_strndup", "av_memdup",
	"av_fast_malloc*", "av_fast_padded_malloc*", "av_fast_realloc",
	"av_dynarray*", "xmlStrdup", "xmlStrndup", "xmlCharStrdup",
	"xmlMemStrdup", "jsonp_malloc", "jsonp_strdup", "jsonp_strndup",
	/* interpreters: Python, Ruby, PHP, the JVM, V8 */
	"PyMem_Malloc", "PyMem_Calloc", "PyMem_Realloc", "PyMem_RawMalloc",
	"PyMem_RawCalloc", "PyMem_RawRealloc", "_PyMem_*", "PyObject_Malloc",
	"PyObject_Calloc", "PyObject_Realloc", "_PyObject_Malloc",
	"_PyObject_Calloc", "_PyObject_Realloc", "_PyObject_New",
	"_PyObject_NewVar", "_PyObject_Arena*", "PyObject_GC_*",
	"_PyObject_GC_*", "PyType_GenericAlloc", "_PyType_AllocNoTrack",
	"pymalloc_alloc", "new_arena", "ruby_xmalloc*", "ruby_xcalloc*",
	"ruby_xrealloc*", "ruby_strdup", "rb_xmalloc*", "rb_xcalloc*",
	"rb_xrealloc*", "objspace_xmalloc*", "objspace_xcalloc*",
	"objspace_xrealloc*", "rb_gc_impl_malloc", "rb_gc_impl_calloc",
	"rb_gc_impl_realloc", "rb_alloc_tmp_buffer*", "_emalloc*", "_ecalloc*",
	"_erealloc*", "_safe_malloc*", "_safe_emalloc*", "_estrdup*",
	"_estrndup*", "__zend_malloc", "__zend_calloc", "__zend_realloc",
	"os::malloc", "os::realloc", "os::strdup*", "AllocateHeap",
	"ReallocateHeap", "v8::base::Malloc", "v8::base::Calloc",
	"v8::base::Realloc", "node::Malloc*", "node::UncheckedMalloc*",
	"node::Calloc*", "node::Realloc*", "node::UncheckedRealloc*",
	/* Rust's allocator; its containers are blame_rust.c's */
	"__rust_alloc*", "__rust_realloc", "__rdl_alloc*", "__rdl_realloc",
	"__rg_alloc*", "__rg_realloc", "__rustc::__r*",
	/* C++: all of this namespace is plumbing */
	"__gnu_cxx::*",
};

/*
 * Identifiers directly in std:: (inline namespaces taken away) that allocate
 * for their caller. Rust's std shares the prefix: alloc, collections and sys
 * are its modules (sys only with ::alloc:: in the name).
 */
static const char *const std_wrappers[] = {
	/* allocators and the bases of containers */
	"allocator", "allocator_traits", "__new_allocator",
	"__allocator_traits*", "__allocate_guarded*", "__allocated_ptr",
	"__libcpp_allocate", "__libcpp_operator_new", "__allocation_guard",
	"_Vector_base", "_Bvector_base", "_Deque_base", "_List_base",
	"_Fwd_list_base", "_Rb_tree", "_Hashtable", "__split_buffer", "__tree",
	"__hash_table", "__list_imp", "__shared_count", "__shared_ptr",
	"__shared_weak_count", "get_temporary_buffer", "_Temporary_buffer",
	"pmr",
	/* containers, strings, smart pointers */
	"vector", "deque", "list", "forward_list", "map", "multimap", "set",
	"multiset", "unordered_map", "unordered_multimap", "unordered_set",
	"unordered_multiset", "stack", "queue", "priority_queue", "valarray",
	"basic_string", "basic_stringbuf", "basic_stringstream",
	"basic_ostringstream", "basic_istringstream", "basic_filebuf", "string",
	"to_string", "to_wstring", "getline", "operator", "shared_ptr",
	"make_shared", "allocate_shared", "make_unique", "back_insert_iterator",
	"function", "_Function_base", "any", "promise", "basic_ostream",
	"basic_istream", "basic_streambuf", "ostream", "istream",
	"__ostream_insert",
	/* copying and making their elements */
	"_Construct", "construct_at", "copy", "copy_n", "copy_backward",
	"__copy_move*", "__do_uninit_*", "uninitialized_*", "__uninitialized_*",
	"__relocate_*", "pair", "make_pair", "tuple", "make_tuple",
	"_Tuple_impl", "_Head_base",
	/* members whose class is not known (dwarf_names.h): nothing of these
	 * names is in std itself */
	"allocate", "allocate_at_least", "_M_*", "_S_*", "_Reuse_or_alloc_node",
	"_Alloc_node", "push_back", "push_front", "emplace*", "insert*",
	"try_emplace", "resize", "reserve", "append", "assign", "construct",
	"push", "__push_back*", "__emplace*", "__construct*",
	"__append*", "__grow*", "__init*",
	/* Rust */
	"alloc", "collections",
};

/* The same in std::__detail. */
static const char *const std_detail_wrappers[] = {
	"_Hashtable_alloc", "_ReuseOrAllocNode", "_AllocNode", "_Map_base",
	"_Insert", "_Insert_base", "_Scratch*",
};

static const char *const inline_namespaces[] = {
	"__cxx11::", "__1::", "__ndk1::", "__debug::", "__cxx1998::", "__8::",
};

static const char *const thread_library[] = {
	"pthread_create", "__pthread_create_2_1", "__pthread_create",
	"thrd_create",
};

static const char *const thread_starters[] = {
	"pthread_create", "__pthread_create_2_1", "__pthread_create",
	"thrd_create", "__gthread_create", "xpthread_create",
	/* C++ and Rust */
	"std::thread::thread*", "std::thread::_M_start_thread",
	"std::jthread::jthread*", "std::jthread::_S_create*", "std::async*",
	"std::__future_base::_Async_state_impl*", "std::__1::thread::thread*",
	"std::__1::__libcpp_thread_create", "std::__1::async*",
	"boost::thread::thread*", "boost::thread::start_thread*",
	"std::thread::spawn*", "std::thread::Builder::spawn*",
	"std::thread::scoped::*", "std::sys::*::Thread::new", "QThread::start",
	/* C libraries and interpreters */
	"g_thread_new*", "g_thread_try_new", "g_system_thread_new",
	"g_thread_create*", "uv_thread_create*", "apr_thread_create",
	"SDL_CreateThread*", "GOMP_parallel*", "gomp_team_start",
	"ngx_create_thread",
};

/* clang-format on */

/* Length of the name alone: up to the parameters. */
static size_t
name_length(const char *function)
{
	return strcspn(function, "(");
}

/* Does `rule` fit name[0..len)? One '*' at most, never
 * first. */
static bool
rule_fits(const char *rule, const char *name, size_t len)
{
	const char *star;
	size_t head, tail;

	if (rule[0] != name[0]) /* hundreds of rules, every frame */
		return false;
	star = strchr(rule, '*');
	if (!star)
		return strlen(rule) == len && memcmp(rule, name, len) == 0;
	head = (size_t)(star - rule);
	tail = strlen(star + 1);
	return len >= head + tail && memcmp(rule, name, head) == 0 &&
	       memcmp(star + 1, name + len - tail, tail) == 0;
}

static bool
any_fits(const char *const *rules, size_t count, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (rule_fits(rules[i], name, len))
			return true;
	}
	return false;
}

static bool
is_in(const struct blame_frame *frame, const char *const *modules, size_t count)
{
	return frame->module &&
	       any_fits(modules, count, frame->module, strlen(frame->module));
}

/* `MODULE+0x...`: symbolize.h found no name. */
static bool
is_nameless(const struct blame_frame *frame)
{
	size_t len;

	if (!frame->module)
		return false;
	len = strlen(frame->module);
	return strncmp(frame->function, frame->module, len) == 0 &&
	       strncmp(frame->function + len, "+0x", 3) == 0;
}

/* operator new and new[], of all kinds, a class's own included. */
static bool
is_operator_new(const char *function)
{
	static const char words[] = "operator new";
	const char *at, *end;

	if (strncmp(function, "_Znw", 4) == 0 ||
	    strncmp(function, "_Zna", 4) == 0)
		return true;
	at = strstr(function, words);
	if (!at || (at > function && at[-1] != ':'))
		return false;
	end = at + sizeof(words) - 1;
	return *end == '(' || *end == '[' || *end == '\0';
}

static size_t
identifier_length(const char *text)
{
	size_t len = 0;

	while (isalnum((unsigned char)text[len]) || text[len] == '_')
		len++;
	return len;
}

/* `name` stands behind "std::". */
static bool
is_std_wrapper(const char *name)
{
	const char *const *space = inline_namespaces;
	size_t len, i;

	for (i = 0; i < COUNT(inline_namespaces); i++) {
		len = strlen(space[i]);
		if (strncmp(name, space[i], len) == 0)
			name += len;
	}
	len = identifier_length(name);
	if (strncmp(name, "__detail::", 10) == 0) {
		name += 10;
		return any_fits(std_detail_wrappers, COUNT(std_detail_wrappers),
				name, identifier_length(name));
	}
	if (strncmp(name, "sys::", 5) == 0)
		return strstr(name, "::alloc::") != NULL;
	return any_fits(std_wrappers, COUNT(std_wrappers), name, len);
}

bool
blame_rule_is_allocator(const struct blame_frame *frame)
{
	if (is_in(frame, shim_modules, COUNT(shim_modules)) ||
	    is_in(frame, allocator_modules, COUNT(allocator_modules)))
		return true;
	return any_fits(allocators, COUNT(allocators), frame->function,
			name_length(frame->function));
}

bool
blame_rule_allocates(const struct blame_frame *frame)
{
	const char *name = frame->function;
	size_t len;

	if (blame_rule_is_allocator(frame))
		return true;
	if (is_nameless(frame))
		return is_in(frame, runtime_modules, COUNT(runtime_modules));
	if (blame_rust_is_container(name))
		return true;
	/* Rust writes <type as trait>::method: the type tells. */
	while (*name == '<')
		name++;
	if (strncmp(name, "std::", 5) == 0)
		return is_std_wrapper(name + 5);
	len = name_length(name);
	return is_operator_new(name) ||
	       any_fits(wrappers, COUNT(wrappers), name, len) ||
	       blame_words_allocate(name, len);
}

bool
blame_rule_is_thread_library(const struct blame_frame *frame)
{
	if (is_in(frame, shim_modules, COUNT(shim_modules)))
		return true;
	return any_fits(thread_library, COUNT(thread_library), frame->function,
			name_length(frame->function));
}

bool
blame_rule_starts_thread(const struct blame_frame *frame)
{
	if (blame_rule_is_thread_library(frame))
		return true;
	if (is_nameless(frame))
		return is_in(frame, runtime_modules, COUNT(runtime_modules));
	return any_fits(thread_starters, COUNT(thread_starters),
			frame->function, name_length(frame->function));
}

/* All of it is the package's that every Go program has. */
bool
blame_rule_is_go_runtime(const struct blame_frame *frame)
{
	return !is_nameless(frame) &&
	       strncmp(frame->function, "runtime.", strlen("runtime.")) == 0;
}
