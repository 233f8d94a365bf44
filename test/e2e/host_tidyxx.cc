// A clean C++ program that uses much of its library. With `lose` it loses one
// byte.
#include <clocale>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <locale>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::string global = "longer than any string that lies in its object";
static std::vector<int> numbers;
static thread_local std::string local = std::string(100, 'x');
static char *volatile lost;

static void print_and_read()
{
	std::string line;
	std::ifstream file("/etc/passwd");

	std::cout << "text " << 42 << " " << 1.5 << std::endl;
	std::cerr << "error\n";
	std::clog << "log\n";
	std::wcout << L"wide";
	std::getline(std::cin, line);
	std::getline(file, line);
	std::printf("%s\n", line.c_str());
}

static void use_locales()
{
	std::ostringstream out;

	out.imbue(std::locale("C.UTF-8"));
	out << std::setw(10) << 1234567 << std::put_money("123");
	std::locale::global(std::locale("C.UTF-8"));
	std::cout.imbue(std::locale());
	std::cout << 1234567 << "\n";
}

static void run_threads()
{
	std::thread thread([] { local += "y"; });
	auto later = std::async(std::launch::async, [] { return 1; });

	thread.join();
	later.get();
	local += "z";
}

static void use_containers()
{
	static std::vector<std::string> names{ "a", std::string(200, 'b') };
	std::map<int, std::string> map;
	auto shared = std::make_shared<int>(1);
	std::regex regex("a(b|c)*d");

	for (int i = 0; i < 100; i++)
		map[i] = global;
	numbers.resize(1000);
	std::regex_match("abcd", regex);
	try {
		std::cerr << std::filesystem::file_size("/nonexistent");
	} catch (const std::exception &e) {
		std::cerr << e.what() << "\n";
	}
	std::make_exception_ptr(std::runtime_error("kept"));
}

static void __attribute__((noinline)) lose_a_byte()
{
	lost = new char;
	lost = nullptr;
}

int main(int argc, char **argv)
{
	print_and_read();
	use_locales();
	run_threads();
	use_containers();
	if (argc > 1 && std::strcmp(argv[1], "lose") == 0)
		lose_a_byte();
	return 0;
}
