#include <openssl/crypto.h>

#include "tests/bench/allocation_counter.h"

namespace connlib::bench {

bool count_openssl_too() {
  return CRYPTO_set_mem_functions(
             [](size_t bytes, const char*, int) { return counted_malloc(bytes); },
             [](void* memory, size_t bytes, const char*, int) {
               return counted_realloc(memory, bytes);
             },
             [](void* memory, const char*, int) { counted_free(memory); }) == 1;
}

}  // namespace connlib::bench
