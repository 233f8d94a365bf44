/*
 * A C++ library for hosts that know nothing of C++: it throws across many
 * frames, and uses operator new in all its moods.
 */
#include <cstddef>
#include <cstdint>
#include <new>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace
{

class Thrown
{
public:
	explicit Thrown(unsigned int number) : number(number) {}
	unsigned int number;
};

unsigned long unwound;

/* One per frame: the unwinder must land in every frame and run this. */
class Guard
{
public:
	~Guard() { unwound++; }
};

__attribute__((noinline)) unsigned int
descend(unsigned int depth, unsigned int number)
{
	Guard guard;

	if (depth == 0)
		throw Thrown(number);
	return descend(depth - 1, number) + 1;
}

unsigned int handler_calls;

/* Gives up at the third call: then operator new throws. */
void
handler()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

volatile std::size_t huge = SIZE_MAX / 4;
void *volatile kept;

} // namespace

/* Throws `count` times across `depth` frames. Returns how many came back as
 * they were thrown. */
EXPORT unsigned long
cxx_throw(unsigned int count, unsigned int depth)
{
	unsigned long caught = 0;

	for (unsigned int i = 0; i < count; i++) {
		try {
			descend(depth, i);
		} catch (const Thrown &thrown) {
			caught += thrown.number == i;
		}
	}
	return caught;
}

EXPORT unsigned long
cxx_unwound(void)
{
	return unwound;
}

/* Through frames of the host, which is C. */
EXPORT int
cxx_throw_through(void (*host)(void (*)(void)))
{
	try {
		host([] { descend(10, 7); });
	} catch (const Thrown &thrown) {
		return static_cast<int>(thrown.number);
	}
	return -1;
}

EXPORT __attribute__((noinline)) void
cxx_leak(unsigned int count, std::size_t bytes)
{
	for (unsigned int i = 0; i < count; i++)
		kept = ::operator new(bytes);
}

/* 1 if a new that cannot be met throws bad_alloc. */
EXPORT int
cxx_bad_alloc(void)
{
	try {
		kept = ::operator new(huge);
	} catch (const std::bad_alloc &) {
		return 1;
	}
	return 0;
}

/* 1 if the nothrow form returns null. */
EXPORT int
cxx_nothrow(void)
{
	kept = ::operator new(huge, std::nothrow);
	return kept == nullptr;
}

/* How often the new_handler was called before bad_alloc came; 0 = it did not
 * come. */
EXPORT unsigned int
cxx_new_handler(void)
{
	handler_calls = 0;
	std::set_new_handler(handler);
	return cxx_bad_alloc() ? handler_calls : 0;
}
