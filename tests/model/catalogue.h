#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/model/filter.h"
#include "connlib/model/resource.h"

// Everything that a random system is made of. Transitions name entries by number, so that a list of
// them stays meaningful when some are left out.
namespace connlib::model_test {

inline constexpr size_t kSites = 3;  // The last one leads to the Internet.
inline constexpr size_t kClients = 2;

// Resources that may be offered: networks that overlap and names that overlap.
inline constexpr size_t kResources = 8;
// `variant` chooses filters, site and families; equal numbers give equal resources.
Resource make_resource(size_t number, uint32_t variant);
bool is_internet(size_t number);

// Names that applications ask for, of resources and of nobody.
const std::vector<std::string>& domains();
std::vector<IpAddress> make_records(size_t domain, uint32_t variant);

// Addresses that applications send to: in one network, in two, in none; private and public ones.
const std::vector<IpAddress>& targets();

// What remote hosts may answer with instead of an echo.
inline constexpr size_t kErrors = 4;

}  // namespace connlib::model_test
