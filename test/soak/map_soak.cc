// map_soak leak|steady SECONDS: a map that only grows, or a queue that is
// emptied as fast as it is filled.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <thread>

static std::map<long, std::string> sessions;
static std::deque<std::string> queue;

static void __attribute__((noinline))
remember(long id)
{
	sessions[id] = std::string(200, 'x');
}

static void __attribute__((noinline))
pass_on(long id)
{
	queue.push_back(std::string(100 + id % 50, 'y'));
	while (queue.size() > 300)
		queue.pop_front();
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	bool leak = std::strcmp(argv[1], "leak") == 0;
	long ticks = std::atol(argv[2]) * 50;
	for (long i = 0; i < ticks; i++) {
		for (long k = 0; k < 5; k++) {
			pass_on(i * 5 + k);
			if (leak)
				remember(i * 5 + k);
		}
		std::this_thread::sleep_for(std::chrono::milliseconds(20));
	}
	return 0;
}
