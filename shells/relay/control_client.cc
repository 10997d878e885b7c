#include "shells/relay/control_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include <absl/cleanup/cleanup.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "shells/linux/errno_status.h"

namespace connlib::relay {
namespace {

using Json = nlohmann::json;

constexpr time_t kTimeoutSeconds = 5;
constexpr size_t kMaxAnswerBytes = 1 << 20;

struct Answer {
  unsigned status = 0;
  std::string body;
};

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

// "POST /drain?seconds=5". HTTP/1.0: one answer, then the server closes.
std::string request_text(const ControlCommand& command) {
  std::string target;
  switch (command.verb) {
    case ControlCommand::Verb::kStatus:
      target = "GET /status";
      break;
    case ControlCommand::Verb::kDrain:
      target = "POST /drain";
      if (command.seconds) target += fmt::format("?seconds={}", *command.seconds);
      break;
    case ControlCommand::Verb::kLog:
      target = "POST /log_filter?directives=" + percent_encoded(command.directives);
      break;
  }
  return target + " HTTP/1.0\r\n\r\n";
}

absl::StatusOr<std::string> ask(const std::string& path, std::string_view request) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(fmt::format("{}: longer than a socket path may be", path));
  }
  path.copy(static_cast<char*>(address.sun_path), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return shells::errno_status(errno, "opening a UNIX socket");
  const absl::Cleanup closes = [fd] { close(fd); };
  const timeval patience{kTimeoutSeconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return shells::errno_status(errno, path);
  }
  const ssize_t sent = send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return shells::errno_status(errno, path);
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
    if (n == 0) return out;
    if (n < 0) return shells::errno_status(errno, path);
    out.append(buffer.data(), static_cast<size_t>(n));
    if (out.size() > kMaxAnswerBytes) break;
  }
  return absl::UnavailableError(fmt::format("{}: the answer has no end", path));
}

// "HTTP/1.1 200 OK", headers, an empty line, the body.
std::optional<Answer> parse_answer(const std::string& text) {
  const size_t space = text.find(' ');
  const size_t end = text.find("\r\n\r\n");
  if (text.compare(0, 5, "HTTP/") != 0 || end == std::string::npos || space > end) {
    return std::nullopt;
  }
  Answer out;
  const char* const number = text.data() + space + 1;
  if (std::from_chars(number, text.data() + end, out.status).ec != std::errc()) return std::nullopt;
  out.body = text.substr(end + 4);
  return out;
}

// What another version says may have other types: find() finds nothing in what is no object.
std::string text_or(const Json& json, const char* name, std::string otherwise) {
  const auto it = json.find(name);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::move(otherwise);
}

uint64_t number(const Json& json, const char* name) {
  const auto it = json.find(name);
  return it != json.end() && it->is_number_unsigned() ? it->get<uint64_t>() : 0;
}

// What the relay gave as the reason of a refusal.
std::string error_of(const Answer& answer) {
  const Json json = Json::parse(answer.body, nullptr, false);
  return text_or(json, "error", fmt::format("HTTP status {}", answer.status));
}

ExitCode fail(std::string_view why) {
  fmt::print(stderr, "connlib-relay ctl: {}\n", why);
  return ExitCode::kInternal;
}

std::string traffic(const Json& status, const char* name) {
  const Json json = status.value(name, Json());
  return fmt::format("{} packets, {} bytes", number(json, "packets"), number(json, "bytes"));
}

}  // namespace

std::optional<std::string> readable_status(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("state") || !json.contains("to_peers")) {
    return std::nullopt;
  }
  std::string out = fmt::format("connlib-relay {}, {} for {} s\n", text_or(json, "version", "?"),
                                text_or(json, "state", "?"), number(json, "uptime_seconds"));
  if (json.contains("drain_seconds_left") && json["drain_seconds_left"].is_number()) {
    out += fmt::format("ends in       {} s at the latest\n", number(json, "drain_seconds_left"));
  }
  out +=
      fmt::format("addresses     {} and {}, port {}\n", text_or(json, "public_ip4_addr", "no IPv4"),
                  text_or(json, "public_ip6_addr", "no IPv6"), number(json, "listen_port"));
  out += fmt::format("allocations   {} of {}, {} ports free, {} channels\n",
                     number(json, "allocations"), number(json, "max_allocations"),
                     number(json, "free_ports"), number(json, "channels"));
  out += fmt::format("to peers      {}\n", traffic(json, "to_peers"));
  out += fmt::format("to clients    {}\n", traffic(json, "to_clients"));
  out += fmt::format("waiting       {} datagrams, for full sockets\n",
                     number(json, "queued_datagrams"));
  const Json drops = json.value("dropped_datagrams", Json());
  for (const auto& [reason, count] : drops.items()) {
    if (count != 0) out += fmt::format("dropped       {} {}\n", count.dump(), reason);
  }
  return out;
}

ExitCode run_control(const ControlCommand& command) {
  const auto text = ask(command.endpoint, request_text(command));
  if (!text.ok()) return fail(std::string(text.status().message()));
  const auto answer = parse_answer(*text);
  if (!answer) return fail(command.endpoint + ": not the control socket of a relay");
  if (answer->status != 200) return fail(error_of(*answer));
  std::optional<std::string> readable;
  if (!command.is_json && command.verb != ControlCommand::Verb::kLog) {
    readable = readable_status(answer->body);
  }
  if (!command.is_json && command.verb == ControlCommand::Verb::kLog) readable = "";
  fmt::print("{}", readable.value_or(answer->body));
  return ExitCode::kStopped;
}

}  // namespace connlib::relay
