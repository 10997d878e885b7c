#pragma once

#include <cstddef>
#include <cstdint>

namespace connlib::bench {

// Counts of this process since start: every operator new, and OpenSSL's own allocator.
uint64_t allocations();
int64_t live_bytes();

// The counted allocator itself, for libraries that take one (CRYPTO_set_mem_functions).
void* counted_malloc(size_t bytes);
void* counted_realloc(void* memory, size_t bytes);
void counted_free(void* memory);

}  // namespace connlib::bench
