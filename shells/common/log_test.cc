#include "shells/common/log.h"

#include <catch2/catch.hpp>

namespace connlib::shells {
namespace {

TEST_CASE("a log filter names levels per module") {
  const auto filter = LogFilter::parse("warn,wireguard=debug,tun=off");
  REQUIRE(filter.ok());
  CHECK(filter->allows(TraceLevel::kDebug, "wireguard"));
  CHECK_FALSE(filter->allows(TraceLevel::kTrace, "wireguard"));
  CHECK_FALSE(filter->allows(TraceLevel::kInfo, "udp"));
  CHECK(filter->allows(TraceLevel::kWarn, "udp"));
  CHECK_FALSE(filter->allows(TraceLevel::kError, "tun"));
  CHECK(filter->allows_any(TraceLevel::kDebug));
  CHECK_FALSE(filter->allows_any(TraceLevel::kTrace));
}

TEST_CASE("a level nobody knows is named in the error") {
  const auto filter = LogFilter::parse("info,wireguard=loud");
  REQUIRE_FALSE(filter.ok());
  CHECK(std::string(filter.status().message()).find("\"loud\"") != std::string::npos);
}

}  // namespace
}  // namespace connlib::shells
