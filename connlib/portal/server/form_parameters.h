#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace connlib::portal::server {

// FormParameters are the parameters of a query, application/x-www-form-urlencoded. Of one that is
// given twice the last counts.
class FormParameters {
 public:
  // nullopt unless every %-escape is one and all is UTF-8 without control characters.
  static std::optional<FormParameters> parse(std::string_view query);

  // Null when it is not given, or given without a value.
  const std::string* find(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

// count_characters() is how many Unicode characters UTF-8 `text` has; nullopt when it is no UTF-8.
std::optional<size_t> count_characters(std::string_view text);

}  // namespace connlib::portal::server
