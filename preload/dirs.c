#include "dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sandbox.h"
#include "sys.h"

bool
lks_own_directory(const char *path)
{
	struct stat st;

	/* That it is there already is told by the check below. A umask that
	 * takes our own rights away would leave one that nobody can use. */
	if (!lks_sys_failed(lks_sys3(SYS_mkdirat, AT_FDCWD, path, 0700)) &&
	    !lks_sandbox_forbids(LKS_NEED_MODE))
		lks_sys3(SYS_fchmodat, AT_FDCWD, path, 0700);
	return !lks_sys_failed(lks_sys4(SYS_newfstatat, AT_FDCWD, path, &st,
					AT_SYMLINK_NOFOLLOW)) &&
	       S_ISDIR(st.st_mode) && (st.st_mode & 077) == 0 &&
	       st.st_uid == (uid_t)lks_sys0(SYS_geteuid);
}

const char *
lks_errno_text(long negative_errno)
{
	switch (-negative_errno) {
	case EACCES:
		return "permission denied";
	case EPERM:
		return "operation not permitted";
	case ENOENT:
		return "no such directory";
	case ENOTDIR:
		return "not a directory";
	case EROFS:
		return "read-only file system";
	case ENOSPC:
		return "no space left on device";
	case EDQUOT:
		return "disk quota exceeded";
	case EFBIG:
		return "file size limit reached";
	case EMFILE:
	case ENFILE:
		return "too many open files";
	case ENAMETOOLONG:
		return "name too long";
	case EEXIST:
		return "every name tried is taken";
	case EIO:
		return "input/output error";
	case ENOMEM:
		return "out of memory";
	case ELOOP:
		return "a link is in the way";
	default:
		return "refused by the system";
	}
}
