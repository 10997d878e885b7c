// Any text on the configuration socket, in pieces of any size; what it configures must be described
// such that the description configures the same.
#include <algorithm>
#include <string>
#include <vector>

#include "connlib/base/check.h"
#include "shells/wg/engine.h"
#include "shells/wg/uapi_session.h"
#include "tests/fuzz/fuzz_input.h"

namespace connlib::wg {
namespace {

constexpr Timestamp kNow = Timestamp::from_nanoseconds(7'777'777'777'777);
constexpr absl::Time kDate = absl::FromUnixSeconds(1'700'000'000);

struct Host {
  explicit Host(uint64_t seed)
      : random(seed), engine({.send_runs = 1}, kNow, kDate, random, null_tracer()) {}

  void pump() {
    while (!engine.pump(kNow)) engine.outgoing().drop_front(engine.outgoing().ready().size());
    engine.outgoing().drop_front(engine.outgoing().ready().size());
    CONNLIB_CHECK(engine.poll_timeout().at > kNow);
  }
  std::string describe() const {
    std::string out;
    engine.describe(kNow, kDate, {}, out);
    return out;
  }
  SeededRandom random;
  Engine engine;
};

// The lines of a description that are settings, sorted within each section: the order of allowed
// IPs means nothing.
std::vector<std::string> settings(const std::string& description) {
  std::vector<std::string> out;
  auto section = out.begin();
  size_t section_start = 0;
  for (size_t at = 0; at < description.size();) {
    const size_t end = description.find('\n', at);
    CONNLIB_CHECK(end != std::string::npos);
    std::string line = description.substr(at, end - at);
    at = end + 1;
    CONNLIB_CHECK(line.find('=') != std::string::npos);
    if (line.starts_with("last_handshake") || line.starts_with("tx_bytes") ||
        line.starts_with("rx_bytes")) {
      continue;
    }
    if (line.starts_with("public_key=")) {
      section = out.begin() + static_cast<std::ptrdiff_t>(section_start);
      std::sort(section, out.end());
      out.push_back(std::move(line));
      section_start = out.size();
    } else {
      out.push_back(std::move(line));
    }
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(section_start), out.end());
  return out;
}

void check_round_trip(const Host& host) {
  const std::vector<std::string> lines = settings(host.describe());
  std::string text = "set=1\nreplace_peers=true\n";
  for (const std::string& line : lines) text += line + "\n";
  text += "\n";
  CONNLIB_CHECK(request_bytes(text) == text.size());
  const UapiRequest request = parse_request(text);
  CONNLIB_CHECK(std::holds_alternative<SetRequest>(request));
  Host copy(2);
  CONNLIB_CHECK(copy.engine.apply(kNow, std::get<SetRequest>(request)) == 0);
  CONNLIB_CHECK(settings(copy.describe()) == lines);
}

// What each request was, to compare two ways of cutting the same text.
std::vector<int> kinds(fuzz::FuzzInput text, size_t piece_bytes, Host* host) {
  std::vector<int> out;
  UapiSession session;
  while (!text.empty()) {
    const auto piece = text.take(piece_bytes);
    CONNLIB_CHECK(session.handle_input(
        std::string_view(reinterpret_cast<const char*>(piece.data()), piece.size())));
    while (const auto request = session.next_request()) {
      const auto* error = std::get_if<UapiError>(&*request);
      out.push_back(error == nullptr ? -static_cast<int>(request->index()) : error->number);
      CONNLIB_CHECK(error == nullptr || error->number > 0);
      const auto* set = std::get_if<SetRequest>(&*request);
      if (host == nullptr || set == nullptr) continue;
      CONNLIB_CHECK(host->engine.apply(kNow, *set) >= 0);
      host->pump();
    }
  }
  return out;
}

}  // namespace
}  // namespace connlib::wg

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace connlib::wg;
  connlib::fuzz::FuzzInput in(std::span(data, size));
  const size_t piece_bytes = size_t{1} + in.u8();
  Host host(1);
  CONNLIB_CHECK(kinds(in, piece_bytes, &host) == kinds(in, in.size(), nullptr));
  check_round_trip(host);
  return 0;
}
