#include "shells/portal/store/conditions.h"

#include <array>
#include <optional>
#include <utility>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include "shells/portal/store/kinds.h"

namespace connlib::portald {
namespace {

using Code = Problem::Code;
using policy::Condition;

std::optional<uint16_t> parse_port(const std::string& text) {
  uint32_t port = 0;
  if (text.empty() || text.size() > 5 || !absl::SimpleAtoi(text, &port) || port > 65535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(port);
}

// A list of lines; nullopt, with `out.refusal` set, when it is something else.
std::optional<std::vector<std::string>> texts(const Json& value, const std::string& pointer,
                                              Conditions& out) {
  if (!value.is_array() || value.empty() || value.size() > kMaxTexts) {
    out.refusal = Problem{Code::kInvalid, pointer,
                          fmt::format("{}: not a list of 1 to {} texts", value.dump(), kMaxTexts)};
    return std::nullopt;
  }
  std::vector<std::string> lines;
  for (const Json& each : value) {
    if (!each.is_string() || each.get_ref<const std::string&>().size() > kMaxText) {
      out.refusal = Problem{Code::kInvalid, fmt::format("{}/{}", pointer, lines.size()),
                            fmt::format("{}: not a text of up to {} bytes", each.dump(), kMaxText)};
      return std::nullopt;
    }
    lines.push_back(each.get<std::string>());
  }
  return lines;
}

struct Membership {
  bool is_in = true;
  std::vector<std::string> values;
  std::string pointer;  // Of the list.
};

// {"in": […]} or {"not_in": […]}.
std::optional<Membership> membership(const Json& value, const std::string& pointer,
                                     Conditions& out) {
  const bool has_in = value.is_object() && value.size() == 1 && value.contains("in");
  const bool has_not = value.is_object() && value.size() == 1 && value.contains("not_in");
  if (!has_in && !has_not) {
    out.refusal =
        Problem{Code::kInvalid, pointer,
                fmt::format("{}: not {{in = [...]}} nor {{not_in = [...]}}", value.dump())};
    return std::nullopt;
  }
  const char* key = has_in ? "in" : "not_in";
  Membership list{.is_in = has_in, .values = {}, .pointer = fmt::format("{}/{}", pointer, key)};
  auto lines = texts(value.at(key), list.pointer, out);
  if (!lines) return std::nullopt;
  list.values = *std::move(lines);
  return list;
}

void add_source(const Json& value, const std::string& pointer, Conditions& out) {
  const auto list = membership(value, pointer, out);
  if (!list) return;
  policy::SourceCondition condition{.is_in = list->is_in, .networks = {}};
  for (const std::string& text : list->values) {
    const auto network = IpPrefix::parse(text);
    if (!network) {
      out.refusal =
          Problem{Code::kInvalid, fmt::format("{}/{}", list->pointer, condition.networks.size()),
                  fmt::format("\"{}\": not an IP address, nor a network such as 10.0.0.0/8", text)};
      return;
    }
    condition.networks.push_back(*network);
  }
  out.list.emplace_back(std::move(condition));
}

void add_region(const Json& value, const std::string& pointer, Conditions& out) {
  auto list = membership(value, pointer, out);
  if (list) out.list.emplace_back(policy::RegionCondition{list->is_in, std::move(list->values)});
}

void add_provider(const Json& value, const std::string& pointer, Conditions& out) {
  const auto list = membership(value, pointer, out);
  if (!list) return;
  policy::ProviderCondition condition{.is_in = list->is_in, .providers = {}};
  for (const std::string& id : list->values) condition.providers.emplace_back(id);
  out.list.emplace_back(std::move(condition));
}

void add_verified(const Json& value, const std::string& pointer, Conditions& out) {
  if (value == Json(true)) {
    out.list.emplace_back(policy::VerifiedCondition{});
    return;
  }
  out.refusal =
      Problem{Code::kInvalid, pointer, fmt::format("{}: only true can be asked for", value.dump())};
}

void add_time(const Json& value, const std::string& pointer, Conditions& out) {
  const auto lines = texts(value, pointer, out);
  if (!lines) return;
  if (lines->size() > policy::kMaxDayTimes) {
    out.refusal =
        Problem{Code::kLimit, pointer, fmt::format("more than {} days", policy::kMaxDayTimes)};
    return;
  }
  std::vector<policy::DayTimes> days;
  for (const std::string& text : *lines) {
    auto day = policy::DayTimes::parse(text);
    absl::TimeZone zone;
    std::string why;
    if (!day.ok()) why = std::string(day.status().message());
    if (day.ok() && !absl::LoadTimeZone(day->zone, &zone)) {
      why = fmt::format("\"{}\": no time zone \"{}\" on this machine", text, day->zone);
    }
    if (!why.empty()) {
      out.refusal = Problem{Code::kInvalid, fmt::format("{}/{}", pointer, days.size()), why};
      return;
    }
    days.push_back(*std::move(day));
  }
  out.list.emplace_back(policy::TimeCondition{policy::WeeklyTimes(std::move(days))});
}

struct Reader {
  const char* name;
  void (*add)(const Json& value, const std::string& pointer, Conditions& out);
};
constexpr std::array kReaders{
    Reader{"remote_ip", &add_source}, Reader{"remote_ip_location_region", &add_region},
    Reader{"auth_provider_id", &add_provider}, Reader{"client_verified", &add_verified},
    Reader{"current_utc_datetime", &add_time}};

const Reader* find_reader(const std::string& name) {
  for (const Reader& reader : kReaders) {
    if (name == reader.name) return &reader;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<Filter> parse_filter(const std::string& text) {
  const auto bad = [&text] {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\": not icmp, tcp, udp, tcp/443 or udp/5000-5010", text));
  };
  if (text == "icmp") return Filter{.protocol = Filter::Protocol::kIcmp};
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  Filter out;
  if (parts[0] == "udp") out.protocol = Filter::Protocol::kUdp;
  if (parts[0] != "udp" && parts[0] != "tcp") return bad();
  if (parts.size() == 1) return out;
  const std::vector<std::string> ports = absl::StrSplit(parts[1], absl::MaxSplits('-', 1));
  const auto first = parse_port(ports.front());
  const auto last = parse_port(ports.back());
  if (!first || !last || *first > *last) return bad();
  out.first_port = *first;
  out.last_port = *last;
  return out;
}

Conditions parse_conditions(const Json& document) {
  Conditions out;
  if (!document.is_object()) {
    out.refusal = Problem{Code::kInvalid, "", fmt::format("{}: not an object", document.dump())};
    return out;
  }
  for (const auto& [name, value] : document.items()) {
    const std::string pointer = "/" + name;
    const Reader* reader = find_reader(name);
    if (reader != nullptr) {
      reader->add(value, pointer, out);
    } else {
      out.refusal =
          Problem{Code::kUnknownMember, pointer, fmt::format("there is no condition \"{}\"", name)};
    }
    if (out.refusal) return out;
  }
  return out;
}

std::vector<std::string> zones_of(const std::vector<Condition>& conditions) {
  std::vector<std::string> out;
  for (const Condition& condition : conditions) {
    const auto* time = std::get_if<policy::TimeCondition>(&condition);
    if (time == nullptr) continue;
    for (const policy::DayTimes& day : time->times.days()) out.push_back(day.zone);
  }
  return out;
}

}  // namespace connlib::portald
