#include "shells/common/event_loop.h"

#include <array>
#include <csignal>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "shells/common/os_clock.h"
#include "shells/common/os_random.h"

namespace connlib::shells {
namespace {

TEST_CASE("the timer fires at its time, not before, and can be moved") {
  EventLoop loop;
  const Timestamp start = OsClock::now();
  Timestamp fired = Timestamp::never();
  loop.on_timer([&] {
    fired = OsClock::now();
    loop.stop();
  });
  loop.arm(start + 10s);
  loop.arm(start + 20ms);
  loop.run();
  CHECK(fired >= start + 20ms);
  CHECK(fired < start + 5s);
}

TEST_CASE("a watch reports what it was asked for and may end itself") {
  std::array<int, 2> pipe_fds{};
  REQUIRE(pipe(pipe_fds.data()) == 0);
  EventLoop loop;
  std::unique_ptr<EventLoop::Watch> watch;
  int calls = 0;
  watch =
      std::make_unique<EventLoop::Watch>(loop.watch(pipe_fds[0], [&](EventLoop::Readiness ready) {
        CHECK(ready.readable);
        CHECK_FALSE(ready.writable);
        ++calls;
        watch.reset();
        loop.stop();
      }));
  watch->want(true, false);
  REQUIRE(write(pipe_fds[1], "x", 1) == 1);
  loop.run();
  CHECK(calls == 1);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST_CASE("a signal reaches its action") {
  EventLoop loop;
  bool seen = false;
  loop.on_signal(SIGHUP, [&] {
    seen = true;
    loop.stop();
  });
  loop.on_timer([&] { raise(SIGHUP); });
  loop.arm(OsClock::now());
  loop.run();
  CHECK(seen);
}

TEST_CASE("the OS gives different bytes each time") {
  OsRandom random;
  CHECK(random.bytes<32>() != random.bytes<32>());
}

}  // namespace
}  // namespace connlib::shells
