#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <absl/status/statusor.h>

#include "connlib/base/trace.h"

namespace connlib::shells {

// LogFilter is what `--log` takes: comma-separated `level` or `module=level`, e.g.
// "info,wireguard=debug". Levels: trace, debug, info, warn, error, off.
class LogFilter {
 public:
  static absl::StatusOr<LogFilter> parse(std::string_view text);
  bool allows(TraceLevel level, std::string_view module) const;
  bool allows_any(TraceLevel level) const;

 private:
  using Threshold = int;  // Of TraceLevel; kOff is beyond all.
  Threshold default_ = static_cast<int>(TraceLevel::kInfo);
  std::map<std::string, Threshold, std::less<>> by_module_;
};

enum class LogFormat : uint8_t { kHuman, kJson };

// LogTracer writes records that pass the filter to stderr, one line each:
// "2026-01-01T12:00:00.000 info  wireguard: session established peer=0 index=17", or an object with
// the members time, level, module, message and one per field.
class LogTracer final : public Tracer {
 public:
  explicit LogTracer(LogFilter filter, LogFormat format = LogFormat::kHuman);
  ~LogTracer() override;
  void set_filter(LogFilter filter) { filter_ = std::move(filter); }
  bool enabled(TraceLevel level) const override { return filter_.allows_any(level); }
  void record(TraceLevel level, std::string_view module, std::string_view message,
              std::initializer_list<TraceField> fields) override;

 private:
  struct Sink;
  LogFilter filter_;
  LogFormat format_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace connlib::shells
