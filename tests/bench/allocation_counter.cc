#include "tests/bench/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace connlib::bench {
namespace {

std::atomic<uint64_t> count{0};
std::atomic<int64_t> live{0};

void* counted(void* memory) {
  if (memory != nullptr) {
    ++count;
    live += static_cast<int64_t>(malloc_usable_size(memory));
  }
  return memory;
}

void uncounted(void* memory) {
  if (memory != nullptr) live -= static_cast<int64_t>(malloc_usable_size(memory));
}

}  // namespace

uint64_t allocations() { return count; }
int64_t live_bytes() { return live; }
void* counted_malloc(size_t bytes) { return counted(std::malloc(bytes)); }
void* counted_realloc(void* memory, size_t bytes) {
  uncounted(memory);
  return counted(std::realloc(memory, bytes));
}
void counted_free(void* memory) {
  uncounted(memory);
  std::free(memory);
}

}  // namespace connlib::bench

void* operator new(size_t bytes) {
  void* memory = connlib::bench::counted_malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return connlib::bench::counted_malloc(bytes);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return connlib::bench::counted_malloc(bytes);
}
void operator delete(void* memory) noexcept { connlib::bench::counted_free(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, size_t) noexcept { operator delete(memory); }
