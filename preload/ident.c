#include "ident.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "cgroup.h"
#include "msg.h"
#include "sandbox.h"
#include "sys.h"

struct lks_ident lks_ident;

/* The second field is a name in parentheses that may hold anything, so fields
 * are counted from the last one. */
uint64_t
lks_ident_stat_field(int n)
{
	char text[1024];
	const char *at;
	uint64_t value = 0;

	lks_sys_slurp("/proc/self/stat", text, sizeof(text));
	at = strrchr(text, ')');
	for (int i = 2; i < n && at != NULL; i++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	if (at == NULL || !lks_parse_u64(&at, &value))
		return 0;
	return value;
}

/* The path in a symbolic link of /proc, empty if it can't be read. */
static void
read_link(const char *path, char *out, size_t cap)
{
	long n = lks_sys4(SYS_readlinkat, AT_FDCWD, path, out, cap - 1);

	out[lks_sys_failed(n) ? 0 : n] = '\0';
}

/* What differs between a parent and its forked child. */
static void
read_process(void)
{
	char text[64];
	const char *at;
	uint64_t inode = 0;

	lks_ident.pid = lks_sys_getpid();
	/* Nobody will be told anyway. */
	if (lks_sandbox_forbids(LKS_NEED_WRITE))
		return;
	lks_ident.parent_pid = (int32_t)lks_sys0(SYS_getppid);
	lks_ident.start_wall_ns = lks_clock_ns(CLOCK_REALTIME);
	lks_ident.start_ticks = lks_ident_stat_field(LKS_STAT_START_TICKS);
	read_link("/proc/self/ns/pid", text, sizeof(text));
	at = strchr(text, '[');
	if (at != NULL) {
		at++;
		lks_parse_u64(&at, &inode);
	}
	lks_ident.pid_namespace = inode;
}

static void
read_host(void)
{
	struct utsname names;
	char *end;

	if (!lks_sys_failed(lks_sys1(SYS_uname, &names)))
		lks_copy_text(lks_ident.host, sizeof(lks_ident.host),
			      names.nodename);
	lks_sys_slurp("/proc/sys/kernel/random/boot_id", lks_ident.boot_id,
		      sizeof(lks_ident.boot_id));
	end = strchr(lks_ident.boot_id, '\n');
	if (end != NULL)
		*end = '\0';
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/*
 * What people call the program: the name that it was started by where that is
 * a link to its file (Debian's redis-server is one to redis-check-rdb), else
 * the file's. A script's name is not its interpreter's.
 */
static void
read_name(void)
{
	const char *started = (const char *)getauxval(AT_EXECFN);
	const char *name = base_name(lks_ident.exe);
	struct stat a;
	struct stat b;

	if (started != NULL &&
	    lks_sys4(SYS_newfstatat, AT_FDCWD, started, &a, 0) == 0 &&
	    lks_sys4(SYS_newfstatat, AT_FDCWD, "/proc/self/exe", &b, 0) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		name = base_name(started);
	/* Copied: programs write their titles over that part of the stack. */
	lks_copy_text(lks_ident.name, sizeof(lks_ident.name),
		      *name != '\0' ? name : "unknown");
}

/* Without /proc: what was asked for at the start. */
static void
exe_as_started(void)
{
	const char *started = (const char *)getauxval(AT_EXECFN);
	const char *directory = lks_ident.start_directory;

	if (started == NULL)
		return;
	if (started[0] == '/' || directory[0] == '\0')
		lks_copy_text(lks_ident.exe, sizeof(lks_ident.exe), started);
	else
		lks_format(lks_ident.exe, sizeof(lks_ident.exe), "%s/%s",
			   directory, started);
}

static void
read_program(void)
{
	static const char gone[] = " (deleted)";
	long n = lks_sys_slurp("/proc/self/cmdline", lks_ident.argv,
			       sizeof(lks_ident.argv));
	size_t length;

	lks_ident.argv_bytes = lks_sys_failed(n) ? 0 : (uint32_t)n;
	read_link("/proc/self/exe", lks_ident.exe, sizeof(lks_ident.exe));
	if (lks_ident.exe[0] == '\0')
		exe_as_started();
	length = strlen(lks_ident.exe);
	if (length > sizeof(gone) - 1 &&
	    strcmp(lks_ident.exe + length - (sizeof(gone) - 1), gone) == 0)
		lks_ident.exe[length - (sizeof(gone) - 1)] = '\0';
	read_name();
}

void
lks_ident_init(void)
{
	long n;

	read_process();
	read_host();
	n = lks_sys2(SYS_getcwd, lks_ident.start_directory,
		     sizeof(lks_ident.start_directory));
	/* The kernel says "(unreachable)/..." outside our root. */
	if (lks_sys_failed(n) || lks_ident.start_directory[0] != '/')
		lks_ident.start_directory[0] = '\0';
	read_program();
	lks_ident.page_bytes = (uint32_t)getauxval(AT_PAGESZ);
	lks_ident.memory_limit_bytes = lks_cgroup_init();
}

void
lks_ident_fork_child(void)
{
	read_process();
	lks_ident.fork_wall_ns = lks_ident.start_wall_ns;
}
