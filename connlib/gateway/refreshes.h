#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/functional/function_ref.h>

#include "connlib/base/timestamp.h"
#include "connlib/gateway/resolutions.h"

namespace connlib::gateway {

// Refreshes knows when one client's names are to be resolved again, because the TTL of what they
// led to has passed (spec tunnel 12.3). A name that is not used any more is forgotten: whoever
// comes back to it asks anew.
class Refreshes {
 public:
  explicit Refreshes(size_t capacity) : capacity_(capacity) {}

  // set() takes a name, in lower case, with who asked for it last. Beyond the capacity a name is
  // only resolved when it is asked for.
  void set(const std::string& domain, ResolutionWaiter waiter, Timestamp at);
  void clear();

  // take_due() gives the names whose time has come and that `is_used`. They are due again after
  // kRefreshRetry, unless set() says otherwise meanwhile: an answer may never come.
  std::vector<ResolutionWaiter> take_due(Timestamp now,
                                         absl::FunctionRef<bool(const ResolutionWaiter&)> is_used);

  Timestamp next_at() const {
    return by_time_.empty() ? Timestamp::never() : by_time_.begin()->first;
  }
  size_t size() const { return by_domain_.size(); }

 private:
  struct Entry {
    ResolutionWaiter waiter;
    Timestamp at;
  };
  size_t capacity_;
  std::map<std::string, Entry> by_domain_;
  std::set<std::pair<Timestamp, std::string>> by_time_;
};

}  // namespace connlib::gateway
