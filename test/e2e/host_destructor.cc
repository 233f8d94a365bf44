// A block that a static object holds until its destructor runs, which is after
// main has returned and after atexit handlers that were registered later.
#include <cstdlib>

namespace {

struct Holder {
	char *block;
	Holder();
	~Holder();
};

__attribute__((noinline)) Holder::Holder() : block(new char[654321])
{
}

Holder::~Holder()
{
	delete[] block;
}

Holder holder;

void *volatile kept;

__attribute__((noinline)) void
leak_beside()
{
	kept = std::malloc(1000);
}

} // namespace

int
main()
{
	leak_beside();
	return 0;
}
