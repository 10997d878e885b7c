#include "connlib/dns/pattern.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "connlib/dns/pattern_index.h"

namespace connlib::dns {
namespace {

Name name_of(const std::string& text) { return *Name::parse(text); }

TEST_CASE("a pattern matches the names that the spec says") {
  const auto [pattern, name, expect] = GENERATE(table<std::string, std::string, bool>({
      {"example.com", "example.com", true},
      {"example.com", "www.example.com", false},
      {"example.com.", "example.com", true},
      {"Example.COM", "eXample.com", true},
      {"*.example.com", "a.example.com", true},
      {"*.example.com", "a.b.example.com", false},
      {"*.example.com", "example.com", true},
      {"*.example.com", "EXAMPLE.com", true},  // As 0x20 randomisation asks.
      {"*.example.com", "notexample.com", false},
      {"*.*.com", "a.com", true},
      {"*.*.com", "com", false},
      {"**.example.com", "example.com", true},
      {"**.example.com", "a.example.com", true},
      {"**.example.com", "a.b.example.com", true},
      {"**.example.com", "a.example.org", false},
      {"app.**.web.**.example.com", "app.web.example.com", true},
      {"app.**.web.**.example.com", "app.a.web.b.c.example.com", true},
      {"app.**.web.**.example.com", "app.a.b.example.com", false},
      {"app.**.web.**.example.com", "app.web.web.example.com", true},
      {"?.example.com", "a.example.com", true},
      {"?.example.com", "ab.example.com", false},
      {"?.example.com", "example.com", false},
      {"app-*.example.com", "app-.example.com", true},
      {"app-*.example.com", "app-7.example.com", true},
      {"app-*.example.com", "app-7.x.example.com", false},
      {"*ample.com", "example.com", true},
      {"*ample.com", "ample.com", true},
      {"*ample.com", "x.example.com", false},
      {"a*b*c.com", "a1b2b3c.com", true},
      {"a*b*c.com", "a1b2b3d.com", false},
      {"www.*", "www.com", true},
      {"www.**", "www.example.com", true},
      {"www.**", "www", true},
      {"**", "anything.at.all", true},
      {"*", "localhost", true},
      {"*", "a.b", false},
      {"web?", "web1", true},
      {"*.x", "a\\.b.x", true},  // A dot inside a label is a character.
      {"a.b.x", "a\\.b.x", false},
  }));
  CAPTURE(pattern, name);
  CHECK(Pattern::parse(pattern)->matches(name_of(name)) == expect);
}

TEST_CASE("what is no pattern is refused") {
  const auto text = GENERATE(
      values<std::string>({"", ".", "..", "a..", "a..b", ".a", "***", "a**.b", "**a", "[ab].c",
                           "{a,b}.c", "a\\.b", std::string(64, 'x'), std::string(254, 'x')}));
  CAPTURE(text);
  CHECK_FALSE(Pattern::parse(text).has_value());
}

TEST_CASE("an exact name beats a wildcard, and a narrow wildcard a wide one") {
  const std::vector<std::string> sorted{
      "example.com",   "bar.example.com", "*.bar.example.com", "foo.example.com", "?.example.com",
      "*.example.com", "**.example.com",  "*ample.com",        "*.com",
  };
  auto shuffled = sorted;
  SeededRandom random(3);
  for (int round = 0; round < 50; ++round) {
    for (size_t i = shuffled.size(); i > 1; --i) {
      std::swap(shuffled[i - 1], shuffled[random.below(i)]);
    }
    std::sort(shuffled.begin(), shuffled.end(),
              [](const auto& a, const auto& b) { return *Pattern::parse(a) < *Pattern::parse(b); });
    CHECK(shuffled == sorted);
  }
}

std::string random_text(RandomSource& random, const std::vector<std::string>& labels) {
  std::string text;
  for (uint64_t left = 1 + random.below(5); left > 0; --left) {
    text += (text.empty() ? "" : ".") + labels[random.below(labels.size())];
  }
  return text;
}

// The obvious model: sets of rest positions, no greed and no backtracking.
bool slow_glob(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    return slow_glob(pattern.substr(1), text) ||
           (!text.empty() && slow_glob(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         slow_glob(pattern.substr(1), text.substr(1));
}
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '.') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}
bool slow_labels(std::span<const std::string> pattern, std::span<const std::string> name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() == "**") {
    return slow_labels(pattern.subspan(1), name) ||
           (!name.empty() && slow_labels(pattern, name.subspan(1)));
  }
  return !name.empty() && slow_glob(pattern.front(), name.front()) &&
         slow_labels(pattern.subspan(1), name.subspan(1));
}
bool slow_match(const std::string& pattern, const std::string& name) {
  const auto p = split(pattern);
  const auto n = split(name);
  if (slow_labels(p, n)) return true;
  return p.size() > 1 && p.front() == "*" && slow_labels(std::span(p).subspan(1), n);
}

TEST_CASE("the index finds what trying every pattern finds, the best one first") {
  const std::vector<std::string> wild{"a", "b", "ab", "*", "**", "?", "a*", "*b", "a?", "*a*b"};
  const std::vector<std::string> plain{"a", "b", "ab", "aab", "ba", "abab", "c"};
  SeededRandom random(20261125);
  for (int round = 0; round < 60; ++round) {
    PatternIndex<int> index;
    std::vector<std::pair<std::string, int>> model;
    for (int i = 0; i < 40; ++i) {
      const auto text = random_text(random, wild);
      const int id = static_cast<int>(random.below(5));
      const auto at = std::find(model.begin(), model.end(), std::pair(text, id));
      if (at == model.end()) model.emplace_back(text, id);
      index.add(*Pattern::parse(text), id);
      if (random.below(4) == 0) {
        const auto victim = model[random.below(model.size())];
        std::erase(model, victim);
        index.remove(*Pattern::parse(victim.first), victim.second);
      }
      REQUIRE(index.size() == model.size());
    }
    for (int i = 0; i < 50; ++i) {
      const auto name = random_text(random, plain);
      std::vector<std::pair<std::string, int>> expected;
      for (const auto& [text, id] : model) {
        if (slow_match(text, name)) expected.emplace_back(text, id);
      }
      std::vector<std::pair<std::string, int>> found;
      index.for_each_match(name_of(name), [&](const auto& entry) {
        found.emplace_back(entry.pattern.text(), entry.value);
      });
      std::sort(expected.begin(), expected.end());
      std::sort(found.begin(), found.end());
      CAPTURE(name);
      REQUIRE(found == expected);
      const auto* best = index.best(name_of(name));
      REQUIRE((best == nullptr) == expected.empty());
      for (const auto& [text, id] : expected) {
        const auto order = *Pattern::parse(text) <=> best->pattern;
        REQUIRE((order >= 0));
        if (order == 0) REQUIRE(id <= best->value);
      }
    }
  }
}

}  // namespace
}  // namespace connlib::dns
