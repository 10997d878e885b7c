#include "shells/common/log.h"

#include <algorithm>
#include <optional>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace connlib::shells {
namespace {

constexpr int kOff = 99;

std::optional<int> parse_level(std::string_view text) {
  if (text == "off") return kOff;
  for (const auto level : {TraceLevel::kTrace, TraceLevel::kDebug, TraceLevel::kInfo,
                           TraceLevel::kWarn, TraceLevel::kError}) {
    if (text == level_name(level)) return static_cast<int>(level);
  }
  return std::nullopt;
}

spdlog::level::level_enum to_spdlog(TraceLevel level) {
  switch (level) {
    case TraceLevel::kTrace:
      return spdlog::level::trace;
    case TraceLevel::kDebug:
      return spdlog::level::debug;
    case TraceLevel::kInfo:
      return spdlog::level::info;
    case TraceLevel::kWarn:
      return spdlog::level::warn;
    case TraceLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// The record's members without the braces, which the pattern has. Bytes that are not UTF-8 are
// replaced.
std::string json_members(std::string_view module, std::string_view message,
                         std::initializer_list<TraceField> fields) {
  nlohmann::ordered_json object{{"module", module}, {"message", message}};
  for (const TraceField& field : fields) {
    std::visit([&](const auto& value) { object[std::string(field.name)] = value; }, field.value);
  }
  const std::string text =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);
}

}  // namespace

absl::StatusOr<LogFilter> LogFilter::parse(std::string_view text) {
  LogFilter filter;
  for (const std::string& part : static_cast<std::vector<std::string>>(
           absl::StrSplit(absl::string_view(text.data(), text.size()), ',', absl::SkipEmpty()))) {
    const size_t equals = part.find('=');
    const std::string level_text = equals == std::string::npos ? part : part.substr(equals + 1);
    const auto level = parse_level(level_text);
    if (!level) {
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown log level \"", level_text, "\": use trace, debug, info, warn, error or off"));
    }
    if (equals == std::string::npos) {
      filter.default_ = *level;
    } else {
      filter.by_module_[part.substr(0, equals)] = *level;
    }
  }
  return filter;
}

bool LogFilter::allows(TraceLevel level, std::string_view module) const {
  const auto it = by_module_.find(module);
  return static_cast<int>(level) >= (it == by_module_.end() ? default_ : it->second);
}

bool LogFilter::allows_any(TraceLevel level) const {
  return static_cast<int>(level) >= default_ ||
         std::any_of(by_module_.begin(), by_module_.end(), [level](const auto& entry) {
           return static_cast<int>(level) >= entry.second;
         });
}

struct LogTracer::Sink {
  spdlog::logger logger{"connlib", std::make_shared<spdlog::sinks::stderr_sink_st>()};
};

LogTracer::LogTracer(LogFilter filter, LogFormat format)
    : filter_(std::move(filter)), format_(format), sink_(std::make_unique<Sink>()) {
  sink_->logger.set_level(spdlog::level::trace);
  sink_->logger.set_pattern(format == LogFormat::kHuman
                                ? "%Y-%m-%dT%H:%M:%S.%e %l %v"
                                : R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
}

LogTracer::~LogTracer() = default;

void LogTracer::record(TraceLevel level, std::string_view module, std::string_view message,
                       std::initializer_list<TraceField> fields) {
  if (!filter_.allows(level, module)) return;
  if (format_ == LogFormat::kJson) {
    sink_->logger.log(to_spdlog(level), "{}", json_members(module, message, fields));
    return;
  }
  std::string line = fmt::format("{}: {}", module, message);
  for (const TraceField& field : fields) {
    std::visit([&](const auto& value) { line += fmt::format(" {}={}", field.name, value); },
               field.value);
  }
  sink_->logger.log(to_spdlog(level), "{}", line);
}

}  // namespace connlib::shells
