#include "shells/common/event_loop.h"

#include <list>
#include <utility>

#include <uv.h>

#include "connlib/base/check.h"
#include "shells/common/os_clock.h"

namespace connlib::shells {
namespace {

// A libuv handle may be freed only after its close callback, which may come after our owner died.
template <typename Handle>
void close_and_delete(Handle* handle) {
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

struct Signal {
  uv_signal_t* handle = nullptr;
  std::function<void()> action;
};

}  // namespace

struct EventLoop::Impl {
  uv_loop_t loop{};
  uv_timer_t* timer = nullptr;
  uv_prepare_t* prepare = nullptr;
  std::list<Signal> signals;
  std::function<void()> timer_action;
  std::function<void()> prepare_action;
  Timestamp armed = Timestamp::never();
};

struct EventLoop::Watch::Impl {
  uv_poll_t* handle = nullptr;
  OnReady on_ready;
  int events = 0;
  ~Impl() {
    handle->data = nullptr;
    uv_poll_stop(handle);
    close_and_delete(handle);
  }
};

EventLoop::Watch::Watch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventLoop::Watch::Watch(Watch&&) noexcept = default;
EventLoop::Watch& EventLoop::Watch::operator=(Watch&&) noexcept = default;
EventLoop::Watch::~Watch() = default;

void EventLoop::Watch::want(bool readable, bool writable) {
  const int events = (readable ? int{UV_READABLE} : 0) | (writable ? int{UV_WRITABLE} : 0);
  if (events == impl_->events) return;
  impl_->events = events;
  if (events == 0) {
    uv_poll_stop(impl_->handle);
    return;
  }
  CONNLIB_CHECK(uv_poll_start(impl_->handle, events, [](uv_poll_t* handle, int status, int ready) {
                  auto* impl = static_cast<Impl*>(handle->data);
                  if (impl == nullptr) return;
                  // A copy: the callback may destroy the watch that holds it.
                  const OnReady on_ready = impl->on_ready;
                  on_ready({(ready & UV_READABLE) != 0, (ready & UV_WRITABLE) != 0, status < 0});
                }) == 0);
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {
  CONNLIB_CHECK(uv_loop_init(&impl_->loop) == 0);
  impl_->timer = new uv_timer_t;
  impl_->prepare = new uv_prepare_t;
  CONNLIB_CHECK(uv_timer_init(&impl_->loop, impl_->timer) == 0);
  CONNLIB_CHECK(uv_prepare_init(&impl_->loop, impl_->prepare) == 0);
  impl_->timer->data = impl_.get();
  impl_->prepare->data = impl_.get();
}

EventLoop::~EventLoop() {
  close_and_delete(impl_->timer);
  close_and_delete(impl_->prepare);
  for (Signal& signal : impl_->signals) close_and_delete(signal.handle);
  while (uv_run(&impl_->loop, UV_RUN_NOWAIT) != 0) {
  }
  CONNLIB_CHECK(uv_loop_close(&impl_->loop) == 0);
}

EventLoop::Watch EventLoop::watch(int fd, OnReady on_ready) {
  auto impl = std::make_unique<Watch::Impl>();
  impl->handle = new uv_poll_t;
  CONNLIB_CHECK(uv_poll_init(&impl_->loop, impl->handle, fd) == 0);
  impl->handle->data = impl.get();
  impl->on_ready = std::move(on_ready);
  return Watch(std::move(impl));
}

void EventLoop::on_signal(int number, std::function<void()> action) {
  Signal& signal = impl_->signals.emplace_back(Signal{new uv_signal_t, std::move(action)});
  CONNLIB_CHECK(uv_signal_init(&impl_->loop, signal.handle) == 0);
  signal.handle->data = &signal;
  CONNLIB_CHECK(uv_signal_start(
                    signal.handle,
                    [](uv_signal_t* handle, int) { static_cast<Signal*>(handle->data)->action(); },
                    number) == 0);
}

void EventLoop::on_timer(std::function<void()> action) { impl_->timer_action = std::move(action); }

void EventLoop::arm(Timestamp at) {
  if (at == impl_->armed) return;
  impl_->armed = at;
  if (at.is_never()) {
    uv_timer_stop(impl_->timer);
    return;
  }
  const Duration wait = std::max(at - OsClock::now(), Duration::zero());
  const auto ms = static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
  uv_update_time(&impl_->loop);
  CONNLIB_CHECK(uv_timer_start(
                    impl_->timer,
                    [](uv_timer_t* handle) {
                      auto* impl = static_cast<Impl*>(handle->data);
                      impl->armed = Timestamp::never();
                      if (impl->timer_action) impl->timer_action();
                    },
                    ms, 0) == 0);
}

void EventLoop::before_wait(std::function<void()> action) {
  impl_->prepare_action = std::move(action);
  uv_prepare_start(impl_->prepare, [](uv_prepare_t* handle) {
    static_cast<Impl*>(handle->data)->prepare_action();
  });
}

void EventLoop::run() { uv_run(&impl_->loop, UV_RUN_DEFAULT); }
void EventLoop::stop() { uv_stop(&impl_->loop); }

}  // namespace connlib::shells
