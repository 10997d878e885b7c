#include "snownet/ice/candidate_text.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace connlib::snownet::ice {
namespace {

constexpr std::string_view kPrefix = "candidate:";
constexpr size_t kMaxFoundationBytes = 32;

// Tokens takes words off the front of a line; an empty word means the line is used up.
class Tokens {
 public:
  explicit Tokens(std::string_view line) : rest_(line) {}
  std::string_view next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const std::string_view word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view rest_;
};

template <typename Number>
std::optional<Number> parse_number(std::string_view word) {
  Number value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

bool is_udp(std::string_view word) {
  return word.size() == 3 && (word[0] | 0x20) == 'u' && (word[1] | 0x20) == 'd' &&
         (word[2] | 0x20) == 'p';
}

std::optional<CandidateKind> parse_kind(std::string_view word) {
  for (const CandidateKind kind : {CandidateKind::kHost, CandidateKind::kPeerReflexive,
                                   CandidateKind::kServerReflexive, CandidateKind::kRelayed}) {
    if (word == name(kind)) return kind;
  }
  return std::nullopt;
}

// Reads the key/value pairs behind the kind into `out`; false when a value is missing or a known
// one is wrong.
bool parse_extensions(Tokens& words, SignalledCandidate& out) {
  for (std::string_view key = words.next(); !key.empty(); key = words.next()) {
    const std::string_view value = words.next();
    if (value.empty()) return false;
    if (key == "raddr" && !IpAddress::parse(value)) return false;
    if (key == "rport" && !parse_number<uint16_t>(value)) return false;
    if (key == "ufrag") out.ufrag = value;
  }
  return true;
}

}  // namespace

std::optional<SignalledCandidate> parse_candidate(std::string_view line) {
  if (line.size() > kMaxCandidateTextBytes || !line.starts_with(kPrefix)) return std::nullopt;
  Tokens words(line.substr(kPrefix.size()));
  const std::string_view foundation_word = words.next();
  const auto component = parse_number<uint32_t>(words.next());
  const std::string_view transport = words.next();
  const auto priority = parse_number<uint32_t>(words.next());
  const auto ip = IpAddress::parse(words.next());
  const auto port = parse_number<uint16_t>(words.next());
  const std::string_view typ = words.next();
  const auto kind = parse_kind(words.next());
  if (foundation_word.empty() || foundation_word.size() > kMaxFoundationBytes) return std::nullopt;
  if (component != 1U || !is_udp(transport) || !priority || !ip || !port) return std::nullopt;
  if (typ != "typ" || !kind || !is_usable({*ip, *port})) return std::nullopt;
  SignalledCandidate out{Candidate::remote(*kind, {*ip, *port}, *priority), {}};
  if (!parse_extensions(words, out)) return std::nullopt;
  return out;
}

std::string to_text(const Candidate& candidate, std::string_view ufrag) {
  std::string line = fmt::format("{}{} 1 udp {} {} {} typ {}", kPrefix, foundation(candidate),
                                 candidate.priority, connlib::to_text(candidate.address.ip),
                                 candidate.address.port, name(candidate.kind));
  if (candidate.kind != CandidateKind::kHost) {
    line += candidate.address.ip.is_v4() ? " raddr 0.0.0.0 rport 0" : " raddr :: rport 0";
  }
  if (!ufrag.empty()) line += fmt::format(" ufrag {}", ufrag);
  return line;
}

std::string foundation(const Candidate& candidate) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a.
  const auto mix = [&hash](uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  mix(static_cast<uint8_t>(candidate.kind));
  for (const uint8_t byte : candidate.base.ip.bytes()) mix(byte);
  return fmt::format("{:016x}", hash);
}

}  // namespace connlib::snownet::ice
