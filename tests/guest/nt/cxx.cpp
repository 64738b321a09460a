/* SPDX-License-Identifier: MIT */
/* C++ exceptions of g++: types, rethrow, destructors, threads, through C frames, what ends a program. */
#include "t.h"
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

struct Says {
	const char *name;
	explicit Says(const char *n) : name(n) { printf("+%s\n", name); }
	~Says() { printf("-%s (%d in flight)\n", name, std::uncaught_exceptions()); }
};

struct Base { virtual ~Base() {} virtual const char *what() { return "base"; } };
struct Derived : Base { const char *what() override { return "derived"; } };

static void throws(int what)
{
	Says s("inner");

	switch (what) {
	case 0: throw 42;
	case 1: throw std::runtime_error("runtime");
	case 2: throw Derived();
	case 3: throw std::string("text");
	case 4: { std::vector<int> v(3); printf("%d\n", v.at(5)); break; }
	case 5: throw "chars";
	case 6: { volatile size_t big = (size_t)-1 / 2; operator delete(operator new(big)); break; }
	case 7: { Base *none = nullptr; printf("%s\n", typeid(*none).name()); break; }
	case 8: { Base b; printf("%p\n", (void *)&dynamic_cast<Derived &>(b)); break; }
	}
	printf("nothing thrown\n");
}

static void catches(int what)
{
	Says s("outer");

	try {
		try {
			throws(what);
		} catch (std::bad_alloc &) {
			printf("bad_alloc, thrown again\n");
			throw;
		}
	} catch (int n) {
		printf("int %d\n", n);
	} catch (Base &b) {
		printf("%s\n", b.what());
	} catch (std::exception &e) {
		printf("exception: %s\n", dynamic_cast<std::runtime_error *>(&e) ? e.what() : typeid(e).name());
	} catch (const std::string &t) {
		printf("string %s\n", t.c_str());
	} catch (...) {
		printf("something else\n");
	}
}

static int compare(const void *a, const void *b)
{
	if (*(const int *)a == 3 || *(const int *)b == 3)
		throw std::runtime_error("three");
	return *(const int *)a - *(const int *)b;
}

static DWORD WINAPI thread(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		try {
			if (i % 2)
				throw i;
			throw std::to_string(i);
		} catch (int n) {
			*(long long *)arg += n;
		} catch (std::string &t) {
			*(long long *)arg += std::stoi(t);
		}
	}
	return 0;
}

static void at_end(void) { printf("terminate handler\n"); ExitProcess(21); }

static int child(const std::string &how)
{
	if (how == "uncaught") {
		std::set_terminate(at_end);
		throw 1;
	}
	if (how == "noexcept") {
		std::set_terminate(at_end);
		[]() noexcept { throws(0); }();
	}
	return 1;
}

int main(int argc, char **argv)
{
	t_start();
	if (argc > 1)
		return child(argv[1]);
	for (int i = 0; i < 9; i++)
		catches(i);
	try {
		int a[5] = { 5, 4, 3, 2, 1 };
		qsort(a, 5, sizeof *a, compare);
		printf("sorted\n");
	} catch (std::exception &e) {
		printf("through qsort: %s\n", e.what());
	}
	std::exception_ptr kept;
	try {
		throw std::logic_error("kept");
	} catch (...) {
		kept = std::current_exception();
	}
	try {
		std::rethrow_exception(kept);
	} catch (std::logic_error &e) {
		printf("%s\n", e.what());
	}
	HANDLE t[4];
	long long sums[4] = {};
	for (int i = 0; i < 4; i++)
		t[i] = CreateThread(0, 0, thread, &sums[i], 0, 0);
	WaitForMultipleObjects(4, t, TRUE, 60000);
	printf("%lld %lld %lld %lld\n", sums[0], sums[1], sums[2], sums[3]);
	printf("uncaught: %lu\n", t_reap(t_again("uncaught")));
	printf("noexcept: %lu\n", t_reap(t_again("noexcept")));
	return 0;
}
