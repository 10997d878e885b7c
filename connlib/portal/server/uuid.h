#pragma once

#include <string>

#include "connlib/base/random_source.h"

namespace connlib::portal::server {

// make_uuid() draws a UUID of version 4 (RFC 4122 §4.4), in lower case.
std::string make_uuid(RandomSource& random);

}  // namespace connlib::portal::server
