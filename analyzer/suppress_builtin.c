/*
 * What the C library, the C++ library and the loader allocate once and keep,
 * measured with small programs on glibc 2.36 and libstdc++ 12, each with
 * names of their internals and, as most machines have it, with the exported
 * names alone.
 *
 * Only functions that never hand memory to their caller are here: fopen,
 * newlocale, getaddrinfo and iconv_open are not, though what they keep for
 * themselves is, by the names inside. The numbers are a few times what was
 * seen, so that a call which repeats without end shows.
 */
#include "suppress.h"

const char suppress_builtin[] =
	"# buffers of the standard streams\n"
	"once:3:^_IO_file_doallocate$\n"
	"once:3:^_IO_wfile_doallocate$\n"
	"once:3:^_IO_wdoallocbuf$\n"
	"once:3:^std::ios_base::sync_with_stdio(\n"

	"# the loader: objects, versions, thread-local storage\n"
	"once:256:/ld-linux*.so\n"
	"once:256:/ld-2.*.so\n"
	"once:256:/ld64.so\n"
	"once:256:^_dl_\n"

	"# the last error of the loader, of each thread\n"
	"once:64:^_dlerror_run$\n"
	"once:64:^dlerror$\n"
	"once:64:^__dlerror$\n"
	"once:64:^dlopen$\n"
	"once:64:^dlsym$\n"
	"once:64:^dlvsym$\n"

	"# texts of unknown errors and signals, of each thread\n"
	"once:64:^strerror\n"
	"once:64:^__strerror_l$\n"
	"once:64:^strsignal$\n"

	"# thread-specific keys, handlers of the process's end\n"
	"once:64:^pthread_setspecific$\n"
	"once:64:^___pthread_setspecific$\n"
	"once:64:^__new_exitfn$\n"
	"once:64:^__cxa_atexit$\n"
	"once:64:^__cxa_thread_atexit\n"
	"once:64:^__register_atfork$\n"

	"# locales\n"
	"once:256:^setlocale$\n"
	"once:256:^_nl_\n"
	"once:256:^read_alias_file$\n"
	"once:64:^std::locale::_Impl::_Impl(\n"
	"once:64:^std::locale::locale(\n"
	"once:64:^std::locale::classic()\n"
	"once:64:^std::__numpunct_cache<*>::_M_cache(\n"
	"once:64:^std::__moneypunct_cache<*>::_M_cache(\n"
	"once:64:^std::__timepunct_cache<*>::_M_cache(\n"
	"once:64:^std::num_put<\n"
	"once:64:^std::num_get<\n"
	"once:64:^std::money_put<\n"
	"once:64:^std::money_get<\n"

	"# translations and conversions\n"
	"once:64:^bindtextdomain$\n"
	"once:64:^textdomain$\n"
	"once:64:^bind_textdomain_codeset$\n"
	"once:64:^set_binding_values$\n"
	"once:64:^__textdomain$\n"
	"once:64:^__dcigettext$\n"
	"once:64:^dcgettext$\n"
	"once:64:^gettext$\n"
	"once:64:^__gconv_find_shlib$\n"
	"once:64:^__gconv_lookup_cache$\n"
	"once:64:^__gconv_load_cache$\n"
	"once:64:^__gconv_read_conf\n"
	"once:64:^__wcsmbs_load_conv$\n"
	"once:64:^mbrtowc$\n"
	"once:64:^__mbrtowc$\n"
	"once:64:^wcrtomb$\n"
	"once:64:^__wcrtomb$\n"
	"once:64:^btowc$\n"
	"once:64:^__btowc$\n"

	"# users, groups, hosts, services: name-service switch and resolver\n"
	"once:64:^__nss_\n"
	"once:64:^nss_\n"
	"once:64:^_nss_\n"
	"once:64:^__resolv_\n"
	"once:64:^__res_context_\n"
	"once:64:^__res_vinit$\n"
	"once:64:^__check_pf$\n"
	"once:64:^getpw\n"
	"once:64:^getgr\n"
	"once:64:^getsp\n"
	"once:64:^gethost\n"
	"once:64:^getserv\n"
	"once:64:^getproto\n"
	"once:64:^getnet\n"
	"once:64:^initgroups$\n"

	"# the time zone\n"
	"once:64:^tzset\n"
	"once:64:^__tz\n"
	"once:64:^localtime\n"
	"once:64:^mktime$\n"
	"once:64:^strftime\n"
	"once:64:^syslog$\n"
	"once:64:^vsyslog$\n"
	"once:64:^__vsyslog\n"

	"# the environment\n"
	"once:64:^__add_to_environ$\n"
	"once:64:^setenv$\n"
	"once:64:^putenv$\n";
