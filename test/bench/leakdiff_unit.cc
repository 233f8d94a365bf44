// One unit of the large program that leakdiff_dwarf makes of many, which differ
// in the name of the namespace only. Templates, because most of the debug
// information of large C++ programs is of such.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace unit_00000 {

template <int N> struct record {
	std::string name;
	std::vector<std::string> tags;
	std::map<int, std::shared_ptr<record>> children;
	std::function<int(int)> rule;
	long value[N + 1];
};

template <int N> struct store {
	std::unordered_map<std::string, record<N>> by_name;
	std::vector<std::unique_ptr<record<N>>> order;

	int add(const std::string &name, int value)
	{
		record<N> &it = by_name[name];

		it.name = name + std::to_string(N);
		it.tags.push_back(name);
		it.rule = [value](int x) { return x + value + N; };
		it.children[value] = std::make_shared<record<N>>(it);
		order.push_back(std::make_unique<record<N>>(it));
		std::sort(it.tags.begin(), it.tags.end());
		return it.rule(value) + store<N - 1>().add(name, value - 1);
	}
};

template <> struct store<0> {
	int add(const std::string &, int value) { return value; }
};

} // namespace unit_00000

int unit_00000_entry(const std::string &name, int value)
{
	return unit_00000::store<12>().add(name, value);
}
