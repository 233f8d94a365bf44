/* Opened with RTLD_DEEPBIND, and in a namespace of its own: its malloc is then
 * the C library's, not the shim's. */
#include <stdlib.h>

void *elsewhere_malloc(size_t size);
void elsewhere_free(void *p);
void *elsewhere_call(void *(*function)(size_t), size_t size);

void *
elsewhere_malloc(size_t size)
{
	return malloc(size);
}

void
elsewhere_free(void *p)
{
	free(p);
}

/* Back into the program: the frame of this one is on the stack. */
void *
elsewhere_call(void *(*function)(size_t), size_t size)
{
	void *p = function(size);

	__asm__ volatile("" : "+r"(p));
	return p;
}
