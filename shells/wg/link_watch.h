#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <absl/status/statusor.h>

#include "shells/common/event_loop.h"

namespace connlib::wg {

// LinkWatch calls back when any interface of the machine changed (rtnetlink(7), RTMGRP_LINK): up,
// down, MTU, deletion. It says that, not what: the reader asks the kernel for what it cares about.
class LinkWatch {
 public:
  // `loop` must outlive the watch.
  static absl::StatusOr<std::unique_ptr<LinkWatch>> open(shells::EventLoop& loop,
                                                         std::function<void()> on_change);
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;
  ~LinkWatch();

 private:
  explicit LinkWatch(int fd) : fd_(fd) {}
  void drain() const;

  int fd_;
  std::optional<shells::EventLoop::Watch> watch_;
};

}  // namespace connlib::wg
