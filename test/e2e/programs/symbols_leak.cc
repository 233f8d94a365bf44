// Loses 100 blocks through the C++ library: the program's own function is what
// a report must name, although it is the outermost of many.
#include <vector>

namespace app {

struct Item {
	long value[16];
};

template <typename T> class Pool {
	std::vector<T> items;

public:
	__attribute__((noinline)) void fill(const T &item)
	{
		items.push_back(item);
		__asm__ volatile("" : : "r"(items.data()) : "memory");
	}
};

} // namespace app

int main()
{
	app::Item item = {};

	for (int i = 0; i < 100; i++)
		(new app::Pool<app::Item>)->fill(item);
	return 0;
}
