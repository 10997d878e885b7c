// What the control socket says and does, without the socket; tests/interop/relay_control.sh has it.
#include "shells/relay/control.h"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "shells/common/os_clock.h"
#include "shells/relay/control_client.h"

namespace connlib::relay {
namespace {

using shells::OsClock;

// A relay that nobody talks to, but its operator.
struct Relay {
  Relay() {
    ProcessOptions options;
    options.server.public_v4 = *IpAddress::parse("127.0.0.1")->v4();
    options.server.listen_port = 0;  // The kernel chooses.
    options.bind_v4 = *IpAddress::parse("127.0.0.1");
    options.drain = 60s;
    snownet::relay::Credentials users;
    users.add_user("alice", "swordfish");
    auto opened = Process::open(std::move(options), std::move(users), loop, null_tracer());
    REQUIRE(opened.ok());
    process = *std::move(opened);
  }
  HttpPage ask(std::string method, std::string path,
               std::map<std::string, std::string> arguments = {}) {
    return control_page(*process, tracer,
                        {std::move(method), std::move(path), std::move(arguments)});
  }

  shells::EventLoop loop;
  shells::LogTracer tracer{*shells::LogFilter::parse("warn")};
  std::unique_ptr<Process> process;
};

nlohmann::ordered_json json(const HttpPage& page) {
  CHECK(page.content_type == "application/json");
  return nlohmann::ordered_json::parse(page.body);
}

TEST_CASE("scripts find in the status what they found there before") {
  Relay relay;
  const HttpPage page = relay.ask("GET", "/status");
  CHECK(page.status == 200);
  const auto status = json(page);
  std::vector<std::string> names;
  for (const auto& [name, value] : status.items()) names.push_back(name);
  // A change here is a change of the interface: members are only added.
  CHECK(names == std::vector<std::string>{"schema", "version", "state", "drain_seconds_left",
                                          "uptime_seconds", "public_ip4_addr", "public_ip6_addr",
                                          "listen_port", "allocations", "max_allocations",
                                          "channels", "free_ports", "queued_datagrams", "to_peers",
                                          "to_clients", "dropped_datagrams"});
  CHECK(status["schema"] == 1);
  CHECK(status["state"] == "serving");
  CHECK(status["drain_seconds_left"].is_null());
  CHECK(status["public_ip4_addr"] == "127.0.0.1");
  CHECK(status["public_ip6_addr"].is_null());
  CHECK(status["free_ports"] == 16384);
}

TEST_CASE("a drain begins once, lasts as long as asked last, and can be watched") {
  Relay relay;
  CHECK(relay.process->is_ready());
  CHECK(json(relay.ask("POST", "/drain"))["drain_seconds_left"] >= 59);
  CHECK_FALSE(relay.process->is_ready());
  const auto status = json(relay.ask("POST", "/drain", {{"seconds", "5"}}));
  CHECK(status["state"] == "draining");
  CHECK(status["drain_seconds_left"] <= 5);
  CHECK(relay.process->drain_left(OsClock::now() + 6s) == Duration::zero());
}

TEST_CASE("a drain with a time that is none does not begin") {
  Relay relay;
  const std::string text =
      GENERATE(as<std::string>(), "-1", "1.5", "x", "5x", " 5", "86401", "99999999999999999999");
  CAPTURE(text);
  const HttpPage page = relay.ask("POST", "/drain", {{"seconds", text}});
  CHECK(page.status == 400);
  CHECK(json(page)["schema"] == 1);
  CHECK(json(page)["error"].get<std::string>().find(text) != std::string::npos);
  CHECK(relay.process->is_ready());
}

TEST_CASE("a log filter takes effect, and a wrong one leaves the last one in place") {
  Relay relay;
  REQUIRE_FALSE(relay.tracer.enabled(TraceLevel::kDebug));
  CHECK(relay.ask("POST", "/log_filter", {{"directives", "info,relay=debug"}}).status == 200);
  CHECK(relay.tracer.enabled(TraceLevel::kDebug));
  const std::string wrong = GENERATE(as<std::string>(), "", "nonsense", "relay=", "\xff\xfe");
  const HttpPage page = relay.ask("POST", "/log_filter", {{"directives", wrong}});
  CHECK(page.status == 400);
  CHECK_FALSE(json(page)["error"].get<std::string>().empty());
  CHECK(relay.tracer.enabled(TraceLevel::kDebug));
}

TEST_CASE("reading changes nothing, and what changes something is not read") {
  Relay relay;
  const auto [method, path, status] = GENERATE(table<const char*, const char*, unsigned>({
      {"GET", "/drain", 405},
      {"GET", "/log_filter", 405},
      {"POST", "/status", 405},
      {"DELETE", "/status", 405},
      {"GET", "/", 404},
      {"POST", "/drain/", 404},
      {"GET", "/status/../drain", 404},
  }));
  CAPTURE(method, path);
  CHECK(relay.ask(method, path, {{"directives", "trace"}}).status == status);
  CHECK(relay.process->is_ready());
  CHECK_FALSE(relay.tracer.enabled(TraceLevel::kDebug));
}

TEST_CASE("people read the status in lines, and nothing else passes for one") {
  Relay relay;
  const auto text = readable_status(relay.ask("GET", "/status").body);
  REQUIRE(text.has_value());
  CHECK(text->find("127.0.0.1 and no IPv6") != std::string::npos);
  CHECK(text->find("serving for 0 s") != std::string::npos);
  const std::string other = GENERATE(as<std::string>(), "", "{", "[]", "null", "{\"schema\": 1}");
  CHECK_FALSE(readable_status(other).has_value());
}

TEST_CASE("a status whose members have other types than ours is still readable") {
  CHECK(readable_status(R"({"state": 5, "to_peers": {}, "allocations": "x", "version": []})"));
  CHECK(readable_status(R"({"state": "x", "to_peers": 7, "to_clients": {"packets": "x"}})"));
  CHECK(readable_status(R"({"state": "serving", "to_peers": {}, "dropped_datagrams": {"a": 1}})"));
}

}  // namespace
}  // namespace connlib::relay
