#include "tests/sim/trace.h"

#include <algorithm>

#include <fmt/format.h>

namespace connlib::sim {

void Trace::record(std::string_view who, std::string_view what) {
  const int64_t ns = (clock_.now() - start_).count();
  std::string line =
      fmt::format("{:5}.{:09} {} {}", ns / 1'000'000'000, ns % 1'000'000'000, who, what);
  digest_.add(line);
  digest_.add("\n");
  ++count_;
  if (sink_) sink_(line);
  lines_.push_back(std::move(line));
  if (lines_.size() > kMaxLines) lines_.pop_front();
}

std::string Trace::tail(size_t n) const {
  std::string text;
  for (size_t i = lines_.size() - std::min(n, lines_.size()); i < lines_.size(); ++i) {
    text += lines_[i] + "\n";
  }
  return text;
}

void NoteTracer::record(TraceLevel level, std::string_view module, std::string_view message,
                        std::initializer_list<TraceField> fields) {
  std::string text = fmt::format("note {} {}: {}", level_name(level), module, message);
  for (const TraceField& field : fields) {
    std::visit([&](const auto& value) { text += fmt::format(" {}={}", field.name, value); },
               field.value);
  }
  trace_.record(name_, text);
  if (level == TraceLevel::kError && !trace_.first_error_) {
    trace_.first_error_ = name_ + ": " + text;
  }
}

}  // namespace connlib::sim
