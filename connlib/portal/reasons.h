#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace connlib::portal {

// FailureReason says why an authorization was not created (spec portal-protocol 2.11). The word of
// the wire is kept, so that an unknown one can be shown and passed on.
class FailureReason {
 public:
  enum class Code : uint8_t {
    kNotFound,
    kOffline,
    kVersionMismatch,
    kForbidden,
    kDisabled,
    kAmbiguousAddress,
    kMissingAddress,
    kInvalidAddress,
    kUnknown,
  };
  // NOLINTNEXTLINE(google-explicit-constructor): a code is a reason.
  FailureReason(Code code);
  static FailureReason parse(std::string_view word);

  Code code() const { return code_; }
  const std::string& word() const { return word_; }
  friend bool operator==(const FailureReason& a, const FailureReason& b) {
    return a.word_ == b.word_;
  }

 private:
  FailureReason(Code code, std::string_view word) : code_(code), word_(word) {}
  Code code_;
  std::string word_;
};

// ViolatedProperty names the condition that a client did not meet.
class ViolatedProperty {
 public:
  enum class Code : uint8_t {
    kRemoteIpLocationRegion,
    kRemoteIp,
    kAuthProviderId,
    kCurrentUtcDatetime,
    kClientVerified,
    kUnknown,
  };
  // NOLINTNEXTLINE(google-explicit-constructor): a code is a property.
  ViolatedProperty(Code code);
  static ViolatedProperty parse(std::string_view word);  // Knows the older "provider_id", too.

  Code code() const { return code_; }
  const std::string& word() const { return word_; }
  friend bool operator==(const ViolatedProperty& a, const ViolatedProperty& b) {
    return a.word_ == b.word_;
  }

 private:
  ViolatedProperty(Code code, std::string_view word) : code_(code), word_(word) {}
  Code code_;
  std::string word_;
};

}  // namespace connlib::portal
