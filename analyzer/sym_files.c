#include "sym_files.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <gelf.h>

#include "model.h"
#include "sym_live.h"

/* A vDSO is two or three pages. */
#define VDSO_BYTES_MAX (1024 * 1024)

/* Not to hang on a FIFO that a snapshot names, nor get a terminal from it. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* --- is it the file that ran? ---------------------------------------------- */

static void
add_hex(struct strbuf *buf, const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		strbuf_addf(buf, "%02x", bytes[i]);
}

/* Is `segment` a part of an executable PT_LOAD of the file, at the same place
 * in the file? (A separate debug file has places of its own.) */
static bool
has_segment(Elf *elf, const struct segment *segment, bool debug_file)
{
	GElf_Phdr phdr;
	size_t count, i;

	if (elf_getphdrnum(elf, &count) != 0)
		return false;
	for (i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			return false;
		if (phdr.p_type != PT_LOAD || !(phdr.p_flags & PF_X))
			continue;
		/* Whole pages are mapped, so it may begin before p_vaddr. */
		if (segment->vaddr < (phdr.p_vaddr & ~UINT64_C(0xffff)) ||
		    segment->vaddr >= phdr.p_vaddr + phdr.p_memsz)
			continue;
		if (debug_file || segment->vaddr - segment->file_offset ==
					  phdr.p_vaddr - phdr.p_offset)
			return true;
	}
	return false;
}

/*
 * The build-id decides. Files without one are compared by the layout of their
 * code only, so the user is told. Returns 0, or -1 and says why in `why`.
 */
static int
check_identity(Elf *elf, const struct module *module, bool debug_file,
	       struct strbuf *why)
{
	const void *build_id = NULL;
	ssize_t bytes = dwelf_elf_gnu_build_id(elf, &build_id);
	uint32_t i;

	if (bytes < 0)
		bytes = 0;
	if (!module->build_id_unknown &&
	    ((size_t)bytes != module->build_id_bytes ||
	     (bytes > 0 &&
	      memcmp(build_id, module->build_id, (size_t)bytes) != 0))) {
		strbuf_adds(why, "not the file that ran (build-id ");
		if (bytes > 0)
			add_hex(why, build_id, (size_t)bytes);
		else
			strbuf_adds(why, "missing");
		strbuf_adds(why, ", not ");
		if (module->build_id_bytes > 0)
			add_hex(why, module->build_id, module->build_id_bytes);
		else
			strbuf_adds(why, "none");
		strbuf_addc(why, ')');
		return -1;
	}
	for (i = 0; i < module->segment_count; i++) {
		if (!has_segment(elf, &module->segments[i], debug_file)) {
			strbuf_adds(why, "not the file that ran (its code "
					 "is laid out differently)");
			return -1;
		}
	}
	if (module->build_id_unknown)
		strbuf_adds(why, "the profile has no build-id of it: its names "
				 "are of the file that is there now");
	else if (bytes == 0)
		strbuf_adds(why, "has no build-id: its names are of the "
				 "file that is there now");
	return 0;
}

int
sym_files_verify(int fd, const struct module *module, bool debug_file,
		 struct strbuf *why)
{
	struct stat status;
	Elf *elf;
	int result = -1;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		strbuf_adds(why, "not a regular file");
		return -1;
	}
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		strbuf_adds(why, "not an ELF file");
	else
		result = check_identity(elf, module, debug_file, why);
	elf_end(elf);
	return result;
}

/* Takes the descriptor, or -1 with errno, and gives it back if it is good. */
static int
verified(int fd, const struct module *module, bool debug_file,
	 struct strbuf *why)
{
	if (fd < 0) {
		strbuf_adds(why, strerror(errno));
		return -1;
	}
	if (sym_files_verify(fd, module, debug_file, why)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* --- by path --------------------------------------------------------------- */

/* A symbolic link to /usr/lib means the one in the sysroot. */
static int
open_in_root(const char *root, const char *path)
{
	struct open_how how = { .flags = OPEN_FLAGS,
				.resolve = RESOLVE_IN_ROOT };
	int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error;
	long fd;

	if (directory < 0)
		return -1;
	fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));
	/* Linux before 5.6, and sandboxes, refuse: then without the promise,
	 * but the build-id is compared. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(directory, path + strspn(path, "/"), OPEN_FLAGS);
	error = errno;
	close(directory);
	errno = error;
	return (int)fd;
}

/* Is it a path in the root of a process, "/proc/PID/root/..."? Then that root,
 * and the path in it; else NULL. */
static const char *
path_in_root(const char *path, struct strbuf *root)
{
	static const char before[] = "/proc/", behind[] = "/root/";
	size_t at = sizeof(before) - 1;

	if (strncmp(path, before, at) != 0)
		return NULL;
	at += strspn(path + at, "0123456789");
	if (strncmp(path + at, behind, sizeof(behind) - 1) != 0)
		return NULL;
	at += sizeof(behind) - 2;
	strbuf_add(root, path, at);
	return path + at;
}

int
sym_files_open(const struct sym_places *places, const struct module *module,
	       struct strbuf *path, struct strbuf *why)
{
	struct strbuf reason = { 0 }, root = { 0 };
	const char *name = module->path, *inside;
	int fd;

	if (places->sysroot) {
		strbuf_adds(path, places->sysroot);
		fd = open_in_root(places->sysroot, name);
	} else if ((inside = path_in_root(name, &root))) {
		name = inside;
		fd = open_in_root(strbuf_text(&root), name);
	} else {
		fd = open(name, OPEN_FLAGS);
	}
	strbuf_release(&root);
	/* Of a file in a process's root, too: what libdwfl looks for beside it
	 * by itself must not be what that process says is there. */
	strbuf_adds(path, name);
	fd = verified(fd, module, false, &reason);
	if (fd < 0 && places->live) {
		fd = sym_live_open(places->live, module);
		if (fd >= 0)
			strbuf_clear(&reason);
	}
	strbuf_adds(why, strbuf_text(&reason));
	strbuf_release(&reason);
	return fd;
}

/* --- by build-id ----------------------------------------------------------- */

int
sym_files_open_debug(const struct sym_places *places,
		     const struct module *module, struct strbuf *path)
{
	const char *part = places->debug_path;
	struct strbuf ignored = { 0 };
	size_t len;
	int fd = -1;

	if (module->build_id_bytes < 2)
		return -1;
	while (fd < 0 && *part) {
		len = strcspn(part, ":");
		strbuf_clear(path);
		if (part[0] == '/') {
			strbuf_add(path, part, len);
			strbuf_adds(path, "/.build-id/");
			add_hex(path, module->build_id, 1);
			strbuf_addc(path, '/');
			add_hex(path, module->build_id + 1,
				module->build_id_bytes - 1);
			strbuf_adds(path, ".debug");
			fd = verified(open(strbuf_text(path), OPEN_FLAGS),
				      module, true, &ignored);
		}
		part += len;
		part += *part == ':';
	}
	strbuf_release(&ignored);
	if (fd < 0 && places->live) {
		strbuf_clear(path);
		strbuf_adds(path, module->path);
		fd = sym_live_open_debug(places->live, module);
	}
	return fd;
}

/* --- from memory ----------------------------------------------------------- */

/* The kernel maps the whole file, section headers last. */
static size_t
vdso_bytes(const ElfW(Ehdr) * header)
{
	size_t bytes = (size_t)header->e_shnum * header->e_shentsize;

	if (header->e_shoff == 0 || header->e_shoff > VDSO_BYTES_MAX - bytes)
		return 0;
	return header->e_shoff + bytes;
}

int
sym_files_open_vdso(const struct module *module)
{
	const ElfW(Ehdr) *header =
		(const ElfW(Ehdr) *)getauxval(AT_SYSINFO_EHDR);
	struct strbuf ignored = { 0 };
	size_t bytes;
	int fd;

	/* Without a build-id it might be another kernel's. */
	if (!header || module->build_id_bytes == 0)
		return -1;
	bytes = vdso_bytes(header);
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd >= 0 &&
	    (bytes == 0 || write(fd, header, bytes) != (ssize_t)bytes)) {
		close(fd);
		return -1;
	}
	fd = verified(fd, module, false, &ignored);
	strbuf_release(&ignored);
	return fd;
}
