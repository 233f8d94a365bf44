// What g++ -O2 compiles in the benchmark: many instances of templates. WIDTH,
// given on the command line, says how many.
#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#ifndef WIDTH
#define WIDTH 24
#endif

template <int N> struct tagged {
	int value;
	std::string name;
	bool operator<(const tagged &other) const { return value < other.value; }
};

template <int N> int use(std::vector<tagged<N>> &held, int seed)
{
	std::map<std::string, std::vector<tagged<N>>> groups;
	std::unordered_map<int, std::function<int(int)>> rules;

	for (auto &one : held)
		groups[one.name].push_back(one);
	for (auto &[name, group] : groups) {
		std::stable_sort(group.begin(), group.end());
		rules[(int)name.size()] = [seed](int x) { return x + seed + N; };
	}
	return std::accumulate(held.begin(), held.end(), 0,
			       [&rules](int sum, const tagged<N> &one) {
				       auto it = rules.find(one.value);
				       return it == rules.end()
						      ? sum
						      : sum + it->second(sum);
			       });
}

template <int... N> int use_all(int seed, std::integer_sequence<int, N...>)
{
	std::tuple<std::vector<tagged<N>>...> all;
	std::variant<std::monostate, tagged<N>...> last;

	(std::get<N>(all).push_back(tagged<N>{ seed, "x" }), ...);
	last = tagged<0>{ seed, "y" };
	return (use<N>(std::get<N>(all), seed) + ...) + (int)last.index();
}

int main(int argc, char **)
{
	return use_all(argc, std::make_integer_sequence<int, WIDTH>()) == 0;
}
