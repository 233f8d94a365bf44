#include "peek.h"

#include <errno.h>

#include "sandbox.h"
#include "sys.h"

static uint32_t
wanted(const struct lks_block *block, uint32_t limit)
{
	return block->size < limit ? (uint32_t)block->size : limit;
}

bool
lks_peek_works(void)
{
	char from = 1, to = 0;
	struct iovec remote = { &from, 1 };
	struct iovec local = { &to, 1 };

	return !lks_sandbox_forbids(LKS_NEED_PEEK) &&
	       lks_sys6(SYS_process_vm_readv, lks_sys_getpid(), (long)&local, 1,
			(long)&remote, 1, 0) == 1;
}

/* A system call. Bytes that it copied, which end where the first block begins
 * that is not there, or within it; or a negative errno. */
static long
copy(struct lks_peek *peek, const struct lks_block *blocks, uint32_t count,
     uint32_t limit, uint8_t *out)
{
	struct iovec to = { .iov_base = out };

	/* Such a filter may have come since lks_peek_works(). */
	if (lks_sandbox_forbids(LKS_NEED_PEEK))
		return -EPERM;
	for (uint32_t i = 0; i < count; i++) {
		/* An address of the host's: never used but by the kernel. */
		peek->parts[i].iov_base = (void *)blocks[i].address;
		peek->parts[i].iov_len = wanted(&blocks[i], limit);
		to.iov_len += peek->parts[i].iov_len;
	}
	return lks_sys6(SYS_process_vm_readv, lks_sys_getpid(), (long)&to, 1,
			(long)peek->parts, count, 0);
}

uint32_t
lks_peek_blocks(struct lks_peek *peek, const struct lks_block *blocks,
		uint32_t count, uint32_t limit, uint8_t *out, uint32_t *lengths,
		size_t *used)
{
	uint32_t unread = 0;
	uint32_t at = 0;

	*used = 0;
	while (at < count) {
		uint32_t n = count - at < LKS_PEEK_BATCH ? count - at
							 : LKS_PEEK_BATCH;
		long copied = copy(peek, blocks + at, n, limit, out + *used);
		uint32_t i = 0;

		/* Refused altogether: no use to ask for each block. */
		if (lks_sys_failed(copied) && copied != -EFAULT) {
			for (; at < count; at++, unread++)
				lengths[at] = 0;
			break;
		}
		if (copied < 0)
			copied = 0;
		for (; i < n && (size_t)copied >= peek->parts[i].iov_len; i++) {
			lengths[at + i] = (uint32_t)peek->parts[i].iov_len;
			copied -= (long)lengths[at + i];
			*used += lengths[at + i];
		}
		/* Half of one counts as none; the next call goes on behind. */
		if (i < n) {
			lengths[at + i++] = 0;
			unread++;
		}
		at += i;
	}
	return unread;
}
