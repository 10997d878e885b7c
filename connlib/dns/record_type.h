#pragma once

#include <cstdint>

namespace connlib::dns {

// RecordType is a TYPE or QTYPE of the IANA registry. Any other number may be in it, too.
enum class RecordType : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kSrv = 33,
  kOpt = 41,    // RFC 6891: a pseudo-record.
  kSvcb = 64,   // RFC 9460
  kHttps = 65,  // RFC 9460
  kAny = 255,
};

// RecordClass is a CLASS or QCLASS. Of an OPT record it is a buffer size instead.
enum class RecordClass : uint16_t { kIn = 1, kAny = 255 };

}  // namespace connlib::dns
