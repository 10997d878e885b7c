#include "shells/wg/link_watch.h"

#include <array>
#include <cerrno>
#include <utility>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shells/linux/errno_status.h"

namespace connlib::wg {

absl::StatusOr<std::unique_ptr<LinkWatch>> LinkWatch::open(shells::EventLoop& loop,
                                                           std::function<void()> on_change) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return shells::errno_status(errno, "opening a netlink socket");
  std::unique_ptr<LinkWatch> out(new LinkWatch(fd));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return shells::errno_status(errno, "listening for interface changes");
  }
  out->watch_ = loop.watch(fd, [watch = out.get(), action = std::move(on_change)](auto) {
    watch->drain();
    action();
  });
  out->watch_->want(true, false);
  return out;
}

LinkWatch::~LinkWatch() {
  watch_.reset();
  close(fd_);
}

// ENOBUFS (messages lost) is one more reason to look, and clears by reading on.
void LinkWatch::drain() const {
  std::array<char, 8192> buffer{};
  while (recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT) > 0 || errno == ENOBUFS) {
  }
}

}  // namespace connlib::wg
