#pragma once

#include <nlohmann/json.hpp>

namespace connlib::portald {

// Objects keep the order in which people wrote or expect their members.
using Json = nlohmann::ordered_json;

}  // namespace connlib::portald
