/*
 * The page that `make web` made, as bytes of the program; nothing where there
 * was none. WEB_PAGE is its path, by the Makefile. An assembler file, because
 * gcc and clang both have .incbin, and it sets its own notes: `ld -r -b binary`
 * would make the stack executable.
 */
	.section .rodata
	.globl charts_page_text
	.hidden charts_page_text
	.globl charts_page_len
	.hidden charts_page_len
	.balign 8
charts_page_len:
	.quad charts_page_end - charts_page_text
charts_page_text:
#ifdef WEB_PAGE
	.incbin WEB_PAGE
#endif
charts_page_end:
	.byte 0

	.section .note.GNU-stack, "", %progbits
