/*
 * Objects with and without vtables, kept: 7 Plain, 5 Derived, 4 Holder<int>, 3
 * Virtual (with a virtual base), an exception, and a text. Prints "ready" and
 * waits.
 */
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <unistd.h>

struct Plain {
	virtual ~Plain() {}
	virtual int number() { return 1; }
	long value = 5;
};

struct Derived : Plain {
	int number() override { return 2; }
	char more[40] = {};
};

template <class T> struct Holder : Plain {
	T held = {};
	int number() override { return 3; }
};

struct Virtual : virtual Plain {
	long own = 1;
	int number() override { return 4; }
};

Plain *kept[64];
int kept_count;

template <class T>
static void
make(int count)
{
	for (int i = 0; i < count; i++)
		kept[kept_count++] = new T;
}

int
main()
{
	static std::runtime_error *error;
	static char *text;

	make<Plain>(7);
	make<Derived>(5);
	make<Holder<int>>(4);
	make<Virtual>(3);
	error = new std::runtime_error("it failed");
	text = strdup("the password is swordfish");
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
	return error != nullptr && text != nullptr;
}
