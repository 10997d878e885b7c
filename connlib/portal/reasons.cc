#include "connlib/portal/reasons.h"

#include <array>
#include <utility>

namespace connlib::portal {
namespace {

using Reason = FailureReason::Code;
constexpr std::array<std::pair<Reason, std::string_view>, 8> kReasons = {{
    {Reason::kNotFound, "not_found"},
    {Reason::kOffline, "offline"},
    {Reason::kVersionMismatch, "version_mismatch"},
    {Reason::kForbidden, "forbidden"},
    {Reason::kDisabled, "disabled"},
    {Reason::kAmbiguousAddress, "ambiguous_address"},
    {Reason::kMissingAddress, "missing_address"},
    {Reason::kInvalidAddress, "invalid_address"},
}};

using Property = ViolatedProperty::Code;
constexpr std::array<std::pair<Property, std::string_view>, 5> kProperties = {{
    {Property::kRemoteIpLocationRegion, "remote_ip_location_region"},
    {Property::kRemoteIp, "remote_ip"},
    {Property::kAuthProviderId, "auth_provider_id"},
    {Property::kCurrentUtcDatetime, "current_utc_datetime"},
    {Property::kClientVerified, "client_verified"},
}};

template <typename Code, size_t N>
std::string_view word_of(const std::array<std::pair<Code, std::string_view>, N>& table, Code code) {
  for (const auto& [known, word] : table) {
    if (known == code) return word;
  }
  return "unknown";
}

template <typename Code, size_t N>
Code code_of(const std::array<std::pair<Code, std::string_view>, N>& table, std::string_view text) {
  for (const auto& [known, word] : table) {
    if (word == text) return known;
  }
  return Code::kUnknown;
}

}  // namespace

FailureReason::FailureReason(Code code) : FailureReason(code, word_of(kReasons, code)) {}

FailureReason FailureReason::parse(std::string_view word) {
  return {code_of(kReasons, word), word};
}

ViolatedProperty::ViolatedProperty(Code code)
    : ViolatedProperty(code, word_of(kProperties, code)) {}

ViolatedProperty ViolatedProperty::parse(std::string_view word) {
  if (word == "provider_id") return Code::kAuthProviderId;
  return {code_of(kProperties, word), word};
}

}  // namespace connlib::portal
