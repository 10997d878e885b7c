// connlib-ice-agent: our ICE agent with the face of the laboratory's others, to be paired with any.
#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "shells/common/event_loop.h"
#include "shells/common/log.h"
#include "tests/interop/ice_agent/conversation.h"
#include "tests/interop/ice_agent/options.h"

namespace connlib::interop {
namespace {

int run(int argc, char** argv) {
  int status = 0;
  auto options = parse_options(argc, argv, status);
  if (!options) return status;
  auto filter = shells::LogFilter::parse(options->log.empty() ? "warn" : options->log);
  if (!filter.ok()) {
    fmt::print(stderr, "connlib-ice-agent: {}\n", std::string(filter.status().message()));
    return 2;
  }
  shells::LogTracer tracer(*std::move(filter));
  shells::EventLoop loop;
  for (const int signal : {SIGTERM, SIGINT}) loop.on_signal(signal, [&loop] { loop.stop(); });
  const Conversation conversation(loop, *std::move(options), tracer);
  loop.run();
  return conversation.has_succeeded() ? 0 : 1;
}

}  // namespace
}  // namespace connlib::interop

// NOLINTNEXTLINE(bugprone-exception-escape): a test tool may end by one.
int main(int argc, char** argv) { return connlib::interop::run(argc, argv); }
