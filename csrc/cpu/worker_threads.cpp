#include "cpu/worker_threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "cpu/float_environment.h"

namespace videobert {

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
