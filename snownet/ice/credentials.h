#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace connlib::snownet::ice {

inline constexpr size_t kMaxUfragBytes = 64;      // Ours; RFC 8839 §5.4 allows 256.
inline constexpr size_t kMaxPasswordBytes = 256;  // RFC 8839 §5.4

// Credentials are the user fragment and password of one end (RFC 8445 §5.3): 4 to kMaxUfragBytes
// and 22 to kMaxPasswordBytes characters of the ICE alphabet.
class Credentials {
 public:
  // of() gives nullopt for anything that is not such a pair: they come from a portal.
  static std::optional<Credentials> of(std::string_view ufrag, std::string_view password);

  const std::string& ufrag() const { return ufrag_; }
  const std::string& password() const { return password_; }
  friend bool operator==(const Credentials&, const Credentials&) = default;

 private:
  Credentials(std::string_view ufrag, std::string_view password)
      : ufrag_(ufrag), password_(password) {}
  std::string ufrag_;
  std::string password_;
};

}  // namespace connlib::snownet::ice
