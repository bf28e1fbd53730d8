#include "worker_threads.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

#include "float_environment.h"

namespace videobert {
namespace {

constexpr std::size_t kMostThreads = 1024;

std::size_t from_environment() {
    const char* const text = std::getenv("OMP_NUM_THREADS");
    if (text == nullptr) {
        return 0;
    }
    // A list ("4,2") gives one number for each level of nesting; the first is ours.
    const std::string_view digits(text);
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    return error == std::errc{} ? count : 0;
}

std::size_t available() {
#if defined(__linux__)
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        return static_cast<std::size_t>(CPU_COUNT(&set));
    }
#endif
    return std::thread::hardware_concurrency();
}

}  // namespace

std::size_t thread_count(std::size_t asked) {
    std::size_t count = asked;
    if (count == 0) {
        count = from_environment();
    }
    if (count == 0) {
        count = available();
    }
    return std::clamp<std::size_t>(count, 1, kMostThreads);
}

void run_on_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_guard;
    const auto run = [&] {
        const FloatEnvironment plain;
        try {
            for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
                work(i);
            }
        } catch (...) {
            next.store(count);
            const std::lock_guard lock(failure_guard);
            if (!failure) {
                failure = std::current_exception();
            }
        }
    };
    {
        std::vector<std::jthread> helpers;
        helpers.reserve(std::min(threads, count));
        try {
            while (helpers.size() + 1 < std::min(threads, count)) {
                helpers.emplace_back(run);
            }
        } catch (const std::system_error&) {
            // The system has no thread left to give: those that started, and this one, do the work.
        }
        run();
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}

}  // namespace videobert
