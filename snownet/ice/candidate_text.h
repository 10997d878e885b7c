#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "snownet/ice/candidate.h"

namespace connlib::snownet::ice {

inline constexpr size_t kMaxCandidateTextBytes = 1024;  // Ours: longer lines are refused unread.

// SignalledCandidate is a remote candidate as the portal delivers it; `ufrag` is empty when the
// line carries none.
struct SignalledCandidate {
  Candidate candidate;
  std::string ufrag;
};

// parse_candidate() reads one candidate line (RFC 8839 §5.1):
//
//   candidate:<foundation> 1 udp <priority> <ip> <port> typ <kind> [raddr <ip> rport <port>]
//   [ufrag <u>] [<unknown key> <value>]…
//
// nullopt when the prefix is missing, the component is not 1, the transport not UDP, the address
// not usable, or a key has no value. Related addresses are checked and forgotten.
std::optional<SignalledCandidate> parse_candidate(std::string_view line);

// to_text() is the line for a local candidate. The related address is all zeroes: the peer has no
// use for it (RFC 8839 §5.1, privacy).
std::string to_text(const Candidate& candidate, std::string_view ufrag);

// foundation() is equal for candidates of one kind and base IP (RFC 8445 §5.1.1.3). Nobody compares
// foundations here: there is no frozen state. It exists because the line has a place for it.
std::string foundation(const Candidate& candidate);

}  // namespace connlib::snownet::ice
