#pragma once

#include <cstddef>

namespace dashboard_diff::listener {

// Memory for keys: where the system allows it, it is neither swapped nor dumped nor there in a
// child process. Zeroed. Throws std::bad_alloc. For one thread.
void* allocate_secret(std::size_t size);

// Wipes it. `size` as it was allocated.
void release_secret(void* memory, std::size_t size) noexcept;

} // namespace dashboard_diff::listener
