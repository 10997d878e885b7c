#include "connlib/base/trace.h"

namespace connlib {
namespace {

class NullTracer final : public Tracer {
 public:
  bool enabled(TraceLevel /*level*/) const override { return false; }
  void record(TraceLevel /*level*/, std::string_view /*module*/, std::string_view /*message*/,
              std::initializer_list<TraceField> /*fields*/) override {}
};

}  // namespace

std::string_view level_name(TraceLevel level) {
  switch (level) {
    case TraceLevel::kTrace:
      return "trace";
    case TraceLevel::kDebug:
      return "debug";
    case TraceLevel::kInfo:
      return "info";
    case TraceLevel::kWarn:
      return "warn";
    case TraceLevel::kError:
      return "error";
  }
  return "unknown";
}

Tracer& null_tracer() {
  static NullTracer tracer;
  return tracer;
}

}  // namespace connlib
