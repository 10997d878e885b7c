#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "connlib/base/secret.h"
#include "connlib/model/public_key.h"
#include "snownet/ice/credentials.h"

namespace connlib::scenarios {

// Device is who the portal knows somebody as, at the moment.
struct Device {
  std::string id;
  PublicKey key;
};

// ice_credentials() gives those of the initiator and those of the responder. They are a function
// of both keys (snownet §3.1), so they change when one side rotates its key and only then.
std::pair<snownet::ice::Credentials, snownet::ice::Credentials> ice_credentials(
    const Device& initiator, const Device& responder);

// preshared_key() is one too. Not the portal's formula, which wants secrets of both devices.
// Each `generation` has another one.
Secret<32> preshared_key(const Device& initiator, const Device& responder, uint64_t generation = 0);

// relay_salt() is what a relay account of somebody with `key` is named after.
std::string relay_salt(const PublicKey& key);

}  // namespace connlib::scenarios
