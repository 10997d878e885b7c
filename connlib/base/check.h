#pragma once

namespace connlib::internal {

// check_failed() prints where and what, then aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace connlib::internal

// CONNLIB_CHECK is for our own bugs and stays on in release: constructor contracts, transitions,
// sizes. Nothing that a peer, relay, portal or resolver can influence may reach it.
#define CONNLIB_CHECK(condition)      \
  ((condition) ? static_cast<void>(0) \
               : ::connlib::internal::check_failed(__FILE__, __LINE__, #condition))

// CONNLIB_DCHECK is for what is too expensive in release.
#ifdef NDEBUG
#define CONNLIB_DCHECK(condition) static_cast<void>(sizeof(condition))
#else
#define CONNLIB_DCHECK(condition) CONNLIB_CHECK(condition)
#endif
