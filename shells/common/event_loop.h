#pragma once

#include <functional>
#include <memory>

#include "connlib/base/timestamp.h"

namespace connlib::shells {

// EventLoop is libuv with the few things a program of ours needs: readiness of descriptors, one
// timer, signals. Callbacks run on the thread that calls run(). Watchers must not outlive the loop;
// destroying one inside its own callback is allowed.
class EventLoop {
 public:
  struct Readiness {
    bool readable = false;
    bool writable = false;
    bool failed = false;  // The descriptor is broken or gone.
  };
  using OnReady = std::function<void(Readiness)>;

  // Watch is one descriptor's registration; it ends with the object. The descriptor is not owned.
  class Watch {
   public:
    struct Impl;
    explicit Watch(std::unique_ptr<Impl> impl);
    Watch(Watch&&) noexcept;
    Watch& operator=(Watch&&) noexcept;
    ~Watch();

    // What to wait for; nothing at all pauses the watch.
    void want(bool readable, bool writable);

   private:
    std::unique_ptr<Impl> impl_;
  };

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // watch() starts with nothing wanted.
  Watch watch(int fd, OnReady on_ready);

  // on_signal() replaces the default action of `signal` while the loop lives.
  void on_signal(int signal, std::function<void()> action);

  // arm() calls `on_timer` once at `at`, rounded up to whole milliseconds; never() disarms. One
  // timer: a later call replaces an earlier one.
  void on_timer(std::function<void()> action);
  void arm(Timestamp at);

  // before_wait() runs its action each time before the loop waits: flush and re-arm there.
  void before_wait(std::function<void()> action);

  void run();   // Until stop().
  void stop();  // From a callback.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace connlib::shells
