/*
 * Program headers are what the kernel and the loader go by, so facts come from
 * them; section headers, which a file need not have, give symbols and
 * debugging information only.
 */
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#error "elf_file.c does not know this machine's ELF number"
#endif

/* Headers looked at: real programs have about 13 segments and 40 sections, one
 * made with -ffunction-sections and not linked has thousands. */
#define SEGMENTS_MAX 512
#define SECTIONS_MAX 65536
/* What is read of a PT_DYNAMIC and of a PT_NOTE: real ones are below 64 KiB. */
#define DYNAMIC_BYTES (1u << 20)
#define NOTE_BYTES (1u << 20)

/* An ELF file while it is read. */
struct reading {
	struct elf_file *file;
	Elf *elf;
	GElf_Phdr segments[SEGMENTS_MAX];
	size_t segment_count;
};

/* --- pieces ----------------------------------------------------------------- */

/* Text of up to `limit` bytes at `at` that ends in a NUL there; NULL if there
 * is none. The caller frees it. */
static char *
read_string(int fd, uint64_t at, uint64_t limit)
{
	char text[PATH_MAX];
	ssize_t bytes;

	if (limit > sizeof(text))
		limit = sizeof(text);
	if (at > INT64_MAX - sizeof(text))
		return NULL;
	bytes = pread(fd, text, limit, (off_t)at);
	if (bytes <= 0 || !memchr(text, '\0', (size_t)bytes))
		return NULL;
	return xstrdup(text);
}

/* Where the file has what is at `address` in memory, and how many bytes of
 * the segment follow there; false if nowhere. */
static bool
find_address(const struct reading *reading, uint64_t address, uint64_t *at,
	     uint64_t *left)
{
	const GElf_Phdr *segment;
	size_t i;

	for (i = 0; i < reading->segment_count; i++) {
		segment = &reading->segments[i];
		if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
		    address - segment->p_vaddr >= segment->p_filesz)
			continue;
		*left = segment->p_filesz - (address - segment->p_vaddr);
		if (__builtin_add_overflow(segment->p_offset,
					   address - segment->p_vaddr, at))
			return false;
		return true;
	}
	return false;
}

/* --- segments --------------------------------------------------------------- */

static void
read_note(struct reading *reading, const GElf_Phdr *segment)
{
	struct elf_file *file = reading->file;
	size_t at = 0, next, name_at, desc_at;
	const char *name, *desc;
	Elf_Data *data;
	GElf_Nhdr note;

	if (!segment->p_filesz || segment->p_filesz > NOTE_BYTES ||
	    segment->p_offset > INT64_MAX)
		return;
	data = elf_getdata_rawchunk(
		reading->elf, (int64_t)segment->p_offset, segment->p_filesz,
		segment->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	if (!data) {
		file->is_damaged = true;
		return;
	}
	while ((next = gelf_getnote(data, at, &note, &name_at, &desc_at)) > 0) {
		name = (const char *)data->d_buf + name_at;
		desc = (const char *)data->d_buf + desc_at;
		if (note.n_namesz == 4 && !memcmp(name, "GNU", 4) &&
		    note.n_type == NT_GNU_BUILD_ID && note.n_descsz &&
		    note.n_descsz <= sizeof(file->build_id)) {
			memcpy(file->build_id, desc, note.n_descsz);
			file->build_id_bytes = note.n_descsz;
		}
		if (note.n_namesz == 4 && !memcmp(name, "Go\0", 4))
			file->is_go = true;
		at = next;
	}
}

static void
add_needed(struct elf_file *file, size_t *capacity, char *take_name)
{
	file->needed = xgrow(file->needed, capacity, file->needed_count + 1,
			     sizeof(*file->needed));
	file->needed[file->needed_count++] = take_name;
}

/* The strings that the dynamic section names by their place in `strings`. */
static void
read_names(struct reading *reading, Elf_Data *data, size_t count,
	   uint64_t strings, uint64_t size)
{
	struct elf_file *file = reading->file;
	size_t i, capacity = 0;
	char *text, **into;
	GElf_Dyn entry;

	for (i = 0; i < count && gelf_getdyn(data, (int)i, &entry) &&
		    entry.d_tag != DT_NULL;
	     i++) {
		if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_SONAME &&
		    entry.d_tag != DT_RUNPATH && entry.d_tag != DT_RPATH)
			continue;
		text = entry.d_un.d_val < size
			       ? read_string(file->fd,
					     strings + entry.d_un.d_val,
					     size - entry.d_un.d_val)
			       : NULL;
		if (!text) {
			file->is_damaged = true;
			continue;
		}
		if (entry.d_tag == DT_NEEDED) {
			if (file->needed_count < ELF_FILE_NEEDED_MAX)
				add_needed(file, &capacity, text);
			else
				free(text);
			continue;
		}
		into = entry.d_tag == DT_SONAME ? &file->soname
						: &file->runpath;
		/* DT_RUNPATH is in force where there are both. */
		if (*into && entry.d_tag == DT_RPATH) {
			free(text);
			continue;
		}
		free(*into);
		*into = text;
	}
}

static void
read_dynamic(struct reading *reading, const GElf_Phdr *segment)
{
	uint64_t address = 0, size = 0, at, left;
	struct elf_file *file = reading->file;
	Elf_Data *data;
	GElf_Dyn entry;
	size_t i, count;

	file->is_dynamic = true;
	if (!segment->p_filesz || segment->p_filesz > DYNAMIC_BYTES ||
	    segment->p_offset > INT64_MAX) {
		file->is_damaged = true;
		return;
	}
	data = elf_getdata_rawchunk(reading->elf, (int64_t)segment->p_offset,
				    segment->p_filesz, ELF_T_DYN);
	if (!data) {
		file->is_damaged = true;
		return;
	}
	count = segment->p_filesz /
		(file->is_64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn));
	for (i = 0; i < count && gelf_getdyn(data, (int)i, &entry) &&
		    entry.d_tag != DT_NULL;
	     i++) {
		if (entry.d_tag == DT_STRTAB)
			address = entry.d_un.d_ptr;
		if (entry.d_tag == DT_STRSZ)
			size = entry.d_un.d_val;
	}
	if (!find_address(reading, address, &at, &left)) {
		/* A static PIE has a PT_DYNAMIC that names nothing. */
		if (size > 1)
			file->is_damaged = true;
		return;
	}
	read_names(reading, data, count, at, size < left ? size : left);
}

/* `expected` is what the header says; a table that goes on beyond the file's
 * end is cut by libelf. */
static void
read_segments(struct reading *reading, size_t expected)
{
	struct elf_file *file = reading->file;
	const GElf_Phdr *segment;
	size_t i, count;

	if (elf_getphdrnum(reading->elf, &count) < 0 || count > SEGMENTS_MAX) {
		file->is_damaged = true;
		return;
	}
	if (count < expected && expected != PN_XNUM)
		file->is_damaged = true;
	for (i = 0; i < count; i++) {
		if (!gelf_getphdr(reading->elf, (int)i,
				  &reading->segments[i])) {
			file->is_damaged = true;
			return;
		}
		reading->segment_count++;
	}
	for (i = 0; i < count; i++) {
		segment = &reading->segments[i];
		if (segment->p_type == PT_INTERP && !file->loader) {
			file->loader = read_string(file->fd, segment->p_offset,
						   segment->p_filesz);
			if (!file->loader)
				file->is_damaged = true;
		} else if (segment->p_type == PT_DYNAMIC) {
			read_dynamic(reading, segment);
		} else if (segment->p_type == PT_NOTE) {
			read_note(reading, segment);
		} else if (segment->p_type == PT_GNU_EH_FRAME) {
			file->has_unwind = true;
		}
	}
}

/* --- sections --------------------------------------------------------------- */

static void
read_section(struct elf_file *file, const GElf_Shdr *header, const char *name)
{
	if (header->sh_type == SHT_NOBITS)
		return; /* it was moved to a separate debug file */
	if (header->sh_type == SHT_SYMTAB && header->sh_entsize &&
	    header->sh_size > header->sh_entsize)
		file->has_symtab = true;
	/* A compressed .symtab of functions, as Fedora keeps it. */
	if (!strcmp(name, ".gnu_debugdata"))
		file->has_symtab = true;
	if ((!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")) &&
	    header->sh_size)
		file->has_debug_info = true;
	if (!strcmp(name, ".go.buildinfo") || !strcmp(name, ".note.go.buildid"))
		file->is_go = true;
	if (!strcmp(name, ".gnu_debuglink") && !file->debug_link)
		file->debug_link = read_string(file->fd, header->sh_offset,
					       header->sh_size);
}

static void
read_sections(struct reading *reading)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names, seen = 0;
	const char *name;

	if (elf_getshdrstrndx(reading->elf, &names) < 0)
		return;
	while ((section = elf_nextscn(reading->elf, section)) &&
	       ++seen < SECTIONS_MAX) {
		if (!gelf_getshdr(section, &header)) {
			reading->file->is_damaged = true;
			continue;
		}
		name = elf_strptr(reading->elf, names, header.sh_name);
		read_section(reading->file, &header, name ? name : "");
	}
}

static Elf *
begin(const struct elf_file *file)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	return elf_begin(file->fd, ELF_C_READ, NULL);
}

static void
read_elf(struct elf_file *file)
{
	struct reading *reading = xcalloc(1, sizeof(*reading));
	GElf_Ehdr header;

	file->kind = ELF_FILE_ELF;
	reading->file = file;
	reading->elf = begin(file);
	if (reading->elf && elf_kind(reading->elf) == ELF_K_ELF &&
	    gelf_getehdr(reading->elf, &header)) {
		file->machine = header.e_machine;
		file->type = header.e_type;
		file->is_64 = header.e_ident[EI_CLASS] == ELFCLASS64;
		file->is_little = header.e_ident[EI_DATA] == ELFDATA2LSB;
		file->is_own_machine = file->is_64 && file->is_little &&
				       file->machine == OWN_MACHINE;
		read_segments(reading, header.e_phnum);
		read_sections(reading);
	} else {
		file->is_damaged = true;
	}
	elf_end(reading->elf);
	free(reading);
}

/* --- the file --------------------------------------------------------------- */

/* As the kernel does it: one word, and the rest of the line as one argument. */
static void
read_script(struct elf_file *file, char *line)
{
	char *at, *end;

	file->kind = ELF_FILE_SCRIPT;
	line[strcspn(line, "\n")] = '\0';
	at = line + 2 + strspn(line + 2, " \t");
	end = at + strcspn(at, " \t");
	if (*end) {
		*end++ = '\0';
		end += strspn(end, " \t");
	}
	file->interpreter = xstrdup(at);
	if (!*end)
		return;
	file->argument = xstrdup(end);
	end = file->argument + strlen(file->argument);
	while (end > file->argument && strchr(" \t", end[-1]))
		*--end = '\0';
}

static void
read_content(struct elf_file *file)
{
	char line[ELF_FILE_SHEBANG_BYTES + 1];
	ssize_t bytes = pread(file->fd, line, ELF_FILE_SHEBANG_BYTES, 0);

	if (bytes >= SELFMAG && !memcmp(line, ELFMAG, SELFMAG)) {
		read_elf(file);
	} else if (bytes >= 2 && line[0] == '#' && line[1] == '!') {
		line[bytes] = '\0';
		read_script(file, line);
	}
}

int
elf_file_open(struct elf_file *file, const char *path, struct err *err)
{
	struct statvfs system;
	struct stat st;

	memset(file, 0, sizeof(*file));
	/* A fifo would have us wait for its writer. */
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file->fd < 0)
		return err_set(err, ERR_OPEN, "cannot open '%s': %s", path,
			       strerror(errno));
	if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(file->fd);
		return err_set(err, ERR_OPEN,
			       "cannot open '%s': it is not a regular file",
			       path);
	}
	file->path = xstrdup(path);
	file->mode = st.st_mode;
	file->uid = st.st_uid;
	file->gid = st.st_gid;
	file->has_capabilities =
		fgetxattr(file->fd, "security.capability", NULL, 0) > 0;
	file->may_suid = fstatvfs(file->fd, &system) < 0 ||
			 !(system.f_flag & ST_NOSUID);
	read_content(file);
	return 0;
}

void
elf_file_close(struct elf_file *file)
{
	size_t i;

	for (i = 0; i < file->needed_count; i++)
		free(file->needed[i]);
	free(file->needed);
	free(file->debug_link);
	free(file->runpath);
	free(file->soname);
	free(file->loader);
	free(file->argument);
	free(file->interpreter);
	free(file->path);
	close(file->fd);
}
