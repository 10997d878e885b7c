#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "snownet/ice/candidate_text.h"
#include "snownet/ice/credentials.h"

namespace connlib::interop {

// Offer is what one agent tells the other: its credentials and all of its candidates.
struct Offer {
  snownet::ice::Credentials credentials;
  std::vector<snownet::ice::SignalledCandidate> candidates;
};

// write_offer() makes the file appear whole, by renaming. False when it cannot be written.
bool write_offer(const std::string& path, const snownet::ice::Credentials& credentials,
                 std::span<const snownet::ice::Candidate> candidates);

// read_offer() gives nullopt as long as there is no file. Lines that we do not understand are left
// out: agents of others offer what we do not use, such as link-local addresses.
std::optional<Offer> read_offer(const std::string& path);

}  // namespace connlib::interop
