#include "connlib/base/timestamp.h"

#include <fmt/format.h>

namespace connlib {

std::string to_text(Duration duration) {
  const int64_t ns = duration.count();
  const double magnitude = ns < 0 ? -static_cast<double>(ns) : static_cast<double>(ns);
  struct Unit {
    double ns;
    const char* name;
  };
  static constexpr Unit kUnits[] = {
      {3600e9, "h"}, {60e9, "min"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};
  for (const Unit& unit : kUnits) {
    if (magnitude >= unit.ns)
      return fmt::format("{:.4g}{}", static_cast<double>(ns) / unit.ns, unit.name);
  }
  return fmt::format("{}ns", ns);
}

}  // namespace connlib
