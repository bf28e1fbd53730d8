// Runs one function on several threads and waits for them.
#pragma once

#include <cstddef>
#include <functional>

namespace videobert {

// Calls `work(0)` to `work(count - 1)`, each once, on up to `threads` threads, one of them the caller's. Threads live
// for this call only and sleep while they wait. The first exception is thrown again here when all have ended.
void run_on_threads(std::size_t threads, std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace videobert
