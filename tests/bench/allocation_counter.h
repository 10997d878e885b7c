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

// count_openssl_too() makes OpenSSL's allocations count (openssl_allocations.cc). To be called
// before it allocates anything: false, and nothing changed, when it is too late.
[[nodiscard]] bool count_openssl_too();

}  // namespace connlib::bench
