/*
 * A library's first page holds the ELF header and, in every one seen, all
 * program headers. What lies elsewhere is taken for not there: without
 * headers a module only loses its rules and build-id. The main program's are
 * where the kernel says.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "sandbox.h"
#include "sys.h"

#define PAGE 4096ul

/* Bytes of notes read: the loader's own are below 200. */
#define NOTES_MAX 4096ul

#define HASH_START 0xcbf29ce484222325u

bool
lks_can_read(uintptr_t at, size_t bytes)
{
	uintptr_t last = at + bytes - 1;

	/* Asked about address 0 the kernel reads nothing, and finds no fault. */
	if (bytes == 0 || last < at || at < PAGE)
		return false;
	/* The kernel reads eight bytes, so ask below the page's end. */
	for (uintptr_t page = at & ~(PAGE - 1);; page += PAGE) {
		long result = lks_sys4(SYS_rt_sigprocmask, -1, page, 0, 8);

		if (result == -EFAULT)
			return false;
		if (last - page < PAGE)
			return true;
	}
}

bool
lks_copy_memory(void *to, uintptr_t from, size_t bytes)
{
	struct iovec local = { to, bytes };
	struct iovec remote = { (void *)from, bytes };
	long result = -EPERM;

	if (!lks_sandbox_forbids(LKS_NEED_PEEK))
		result = lks_sys6(SYS_process_vm_readv, lks_sys_getpid(),
				  (long)&local, 1, (long)&remote, 1, 0);

	if (result == (long)bytes)
		return true;
	/* Unknown, or forbidden in this container: as well as can be. */
	if (result != -ENOSYS && result != -EPERM)
		return false;
	if (!lks_can_read(from, bytes))
		return false;
	memcpy(to, (const void *)from, bytes);
	return true;
}

uintptr_t
lks_image_readable_end(const struct lks_image *image, uintptr_t at)
{
	for (uint32_t i = 0; i < image->readable_count; i++) {
		const struct lks_readable *r = &image->readable[i];

		if (at >= r->start && at < r->end)
			return r->end;
	}
	return 0;
}

bool
lks_headers_find(uintptr_t start, struct lks_headers *out)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)start;
	const Elf64_Phdr *ph;
	uint64_t bytes;

	if (start % PAGE != 0 || !lks_can_read(start, PAGE))
		return false;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64 ||
	    header->e_phentsize != sizeof(Elf64_Phdr))
		return false;
	bytes = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
	if (bytes == 0 || header->e_phoff % 8 != 0 || header->e_phoff > PAGE ||
	    bytes > PAGE - header->e_phoff)
		return false;
	out->at = start + header->e_phoff;
	out->count = header->e_phnum;
	ph = (const Elf64_Phdr *)out->at;
	/* They are sorted by address: the first that has the file's first page
	 * is the one at `start`. Others may have that page too (lld). */
	for (uint32_t i = 0; i < out->count; i++) {
		if (ph[i].p_type != PT_LOAD || ph[i].p_offset >= PAGE)
			continue;
		out->bias = start - (ph[i].p_vaddr - ph[i].p_offset);
		return true;
	}
	return false;
}

bool
lks_headers_range(const struct lks_headers *headers, uintptr_t *start,
		  uintptr_t *end)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)headers->at;
	uint64_t low = UINT64_MAX;
	uint64_t high = 0;

	for (uint32_t i = 0; i < headers->count; i++) {
		uint64_t top;

		if (ph[i].p_type != PT_LOAD ||
		    __builtin_add_overflow(ph[i].p_vaddr, ph[i].p_memsz, &top))
			continue;
		if (ph[i].p_vaddr < low)
			low = ph[i].p_vaddr;
		if (top > high)
			high = top;
	}
	*start = headers->bias + (low & ~(PAGE - 1));
	*end = headers->bias + high;
	return low < high && *start < *end;
}

bool
lks_headers_hold(const struct lks_headers *headers, uintptr_t address)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)headers->at;

	for (uint32_t i = 0; i < headers->count; i++)
		if (ph[i].p_type == PT_LOAD &&
		    address - headers->bias - ph[i].p_vaddr < ph[i].p_memsz)
			return true;
	return false;
}

/* Run-time [start, end) of a program header; false: outside the object. */
static bool
place(const Elf64_Phdr *ph, uintptr_t bias, uintptr_t start, uintptr_t end,
      struct lks_readable *out)
{
	uintptr_t at = bias + ph->p_vaddr;

	if (at < start || at >= end || ph->p_memsz > end - at)
		return false;
	out->start = at;
	out->end = at + ph->p_memsz;
	return true;
}

static void
read_loads(const Elf64_Phdr *ph, uint32_t count, uintptr_t bias,
	   uintptr_t start, uintptr_t end, struct lks_image *out)
{
	for (uint32_t i = 0; i < count; i++, ph++) {
		struct lks_readable at;

		if (ph->p_type != PT_LOAD || !place(ph, bias, start, end, &at))
			continue;
		if ((ph->p_flags & PF_R) != 0) {
			if (out->readable_count < LKS_READABLE_MAX)
				out->readable[out->readable_count++] = at;
			else
				out->incomplete = true;
		}
		if ((ph->p_flags & PF_X) == 0)
			continue;
		if (out->segment_count < LKS_SEGMENTS_MAX)
			out->segments[out->segment_count++] =
				(struct lks_segment){
					.start = at.start,
					.end = at.end,
					.file_offset = ph->p_offset,
					.vaddr = ph->p_vaddr,
				};
		else
			out->incomplete = true;
	}
}

static void
read_notes(const struct lks_readable *notes, struct lks_image *out)
{
	uintptr_t at = notes->start;
	uintptr_t end = notes->end;

	if (end - at > NOTES_MAX)
		end = at + NOTES_MAX;
	if (at % 4 != 0 || !lks_can_read(at, end - at))
		return;
	while (end - at >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
		uint64_t name = ((uint64_t)note->n_namesz + 3) & ~3ull;
		uint64_t text = ((uint64_t)note->n_descsz + 3) & ~3ull;

		at += sizeof(*note);
		if (name > end - at || text > end - at - name)
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    memcmp((const void *)at, "GNU", 4) == 0 &&
		    note->n_descsz > 0 && note->n_descsz <= LKS_BUILD_ID_MAX) {
			out->build_id = at + name;
			out->build_id_bytes = note->n_descsz;
			return;
		}
		at += name + text;
	}
}

/* FNV-1a, continued from `hash`. */
static uint64_t
hash_bytes(uint64_t hash, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash;
}

static uint64_t
hash_headers(const Elf64_Phdr *ph, uint32_t count)
{
	return hash_bytes(HASH_START, (const uint8_t *)ph,
			  count * sizeof(*ph)) |
	       1; /* 0 means none */
}

/* The same of memory that may go away while it is read. */
static bool
headers_are_there(const struct lks_image *image)
{
	uint8_t piece[256];
	uint64_t hash = HASH_START;

	for (size_t at = 0; at < image->headers_bytes; at += sizeof(piece)) {
		size_t bytes = image->headers_bytes - at;

		if (bytes > sizeof(piece))
			bytes = sizeof(piece);
		if (!lks_copy_memory(piece, image->headers_at + at, bytes))
			return false;
		hash = hash_bytes(hash, piece, bytes);
	}
	return (hash | 1) == image->headers;
}

bool
lks_image_is_there(const struct lks_image *image, const uint8_t *build_id)
{
	uint8_t seen[LKS_BUILD_ID_MAX];

	/* It names the object, whatever else is the same. */
	if (image->build_id_bytes != 0)
		return lks_copy_memory(seen, image->build_id,
				       image->build_id_bytes) &&
		       memcmp(seen, build_id, image->build_id_bytes) == 0;
	return image->headers != 0 && headers_are_there(image);
}

void
lks_image_read_by(const struct lks_headers *headers, uintptr_t start,
		  uintptr_t end, struct lks_image *out)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)headers->at;
	const uint32_t count = headers->count;

	memset(out, 0, sizeof(*out));
	out->headers = hash_headers(ph, count);
	out->headers_at = headers->at;
	out->headers_bytes = count * sizeof(*ph);
	read_loads(ph, count, headers->bias, start, end, out);
	for (uint32_t i = 0; i < count; i++) {
		struct lks_readable at;

		if (!place(&ph[i], headers->bias, start, end, &at) ||
		    at.end > lks_image_readable_end(out, at.start))
			continue;
		if (ph[i].p_type == PT_NOTE && out->build_id_bytes == 0)
			read_notes(&at, out);
		else if (ph[i].p_type == PT_GNU_EH_FRAME &&
			 lks_can_read(at.start, at.end - at.start))
			out->eh_frame_hdr = at;
	}
}

bool
lks_image_read(uintptr_t start, uintptr_t end, struct lks_image *out)
{
	struct lks_headers headers;

	memset(out, 0, sizeof(*out));
	if (end < start || end - start < PAGE ||
	    !lks_headers_find(start, &headers))
		return false;
	lks_image_read_by(&headers, start, end, out);
	return true;
}
