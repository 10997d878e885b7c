#include "connlib/portal/ice_parameters.h"

#include <charconv>

namespace connlib::portal {
namespace {

std::string_view take_field(std::string_view& rest) {
  const size_t start = rest.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  rest.remove_prefix(start);
  const std::string_view field = rest.substr(0, rest.find_first_of(" \t"));
  rest.remove_prefix(field.size());
  return field;
}

}  // namespace

std::optional<CandidateLine> CandidateLine::parse(std::string_view text) {
  if (text.size() > kMaxCandidateBytes || !text.starts_with("candidate:")) return std::nullopt;
  std::string_view rest = text;
  for (int field = 0; field < 3; ++field) take_field(rest);
  const std::string_view field = take_field(rest);
  uint32_t priority = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, priority);
  if (error != std::errc() || stop != end) return std::nullopt;
  return CandidateLine(text, priority);
}

}  // namespace connlib::portal
