#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace connlib {

enum class TraceLevel : uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

std::string_view level_name(TraceLevel level);

// TraceField is one named value of a trace record. Text borrows for the duration of the call.
struct TraceField {
  std::string_view name;
  std::variant<int64_t, uint64_t, std::string_view> value;

  TraceField(std::string_view n, std::string_view v) : name(n), value(v) {}
  TraceField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  TraceField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  TraceField(std::string_view n, int v) : name(n), value(int64_t{v}) {}
  TraceField(std::string_view n, int64_t v) : name(n), value(v) {}
  TraceField(std::string_view n, uint32_t v) : name(n), value(uint64_t{v}) {}
  TraceField(std::string_view n, uint64_t v) : name(n), value(v) {}
};

// Tracer is where the core reports what it decided. Shells format and filter; the core never does.
// `module` and `message` are literals.
class Tracer {
 public:
  virtual ~Tracer() = default;

  // enabled() is cheap; ask it before computing fields.
  virtual bool enabled(TraceLevel level) const = 0;
  virtual void record(TraceLevel level, std::string_view module, std::string_view message,
                      std::initializer_list<TraceField> fields) = 0;

  void trace(TraceLevel level, std::string_view module, std::string_view message,
             std::initializer_list<TraceField> fields = {}) {
    if (enabled(level)) record(level, module, message, fields);
  }
};

// null_tracer() drops everything; it has no state, so sharing it is harmless.
Tracer& null_tracer();

}  // namespace connlib
