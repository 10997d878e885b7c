#include "connlib/base/secret.h"

#include <new>
#include <type_traits>

#include <catch2/catch.hpp>

#include "connlib/base/redacted.h"
#include "connlib/base/secret_text.h"
#include "connlib/base/strong.h"

namespace connlib {
namespace {

constexpr std::array<uint8_t, 4> kBytes = {1, 2, 3, 4};

TEST_CASE("a secret is not copied by accident and moving wipes the source") {
  static_assert(!std::is_copy_constructible_v<Secret<4>>);
  Secret<4> a{std::span(kBytes)};
  Secret<4> b = std::move(a);
  CHECK(a.is_zero());  // NOLINT(bugprone-use-after-move): that is the promise.
  CHECK(b == Secret<4>{std::span(kBytes)});
  Secret<4> c;
  c = std::move(b);
  CHECK(b.is_zero());  // NOLINT(bugprone-use-after-move): that is the promise.
  CHECK(c.clone() == c);
}

TEST_CASE("a secret's memory is zero after its end") {
  alignas(Secret<4>) std::array<uint8_t, sizeof(Secret<4>)> memory{};
  auto* secret = new (memory.data()) Secret<4>{std::span(kBytes)};
  REQUIRE(memory[3] == 4);
  secret->~Secret<4>();
  CHECK(memory == std::array<uint8_t, sizeof(Secret<4>)>{});
}

TEST_CASE("a secret text is not copied by accident and moving leaves nothing behind") {
  static_assert(!std::is_copy_constructible_v<SecretText>);
  SecretText a("pw");
  SecretText b = std::move(a);
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move): that is the promise.
  CHECK(b.reveal() == "pw");
  SecretText c("a longer token that needs the heap in any implementation");
  c = std::move(b);
  CHECK(b.empty());  // NOLINT(bugprone-use-after-move): that is the promise.
  CHECK(c == SecretText("pw"));
  CHECK_FALSE(c == SecretText("pv"));
  CHECK_FALSE(c == SecretText("pwd"));
  CHECK(c.clone() == c);
}

TEST_CASE("constant-time comparison compares sizes and every byte") {
  std::array<uint8_t, 4> other = kBytes;
  CHECK(equal_constant_time(kBytes, other));
  CHECK_FALSE(equal_constant_time(kBytes, std::span(other).first(3)));
  const size_t position = GENERATE(size_t{0}, size_t{1}, size_t{2}, size_t{3});
  other[position] ^= 0x80;
  CHECK_FALSE(equal_constant_time(kBytes, other));
}

TEST_CASE("redacted values and strong types say what they are") {
  CHECK(to_text(Redacted<std::string>("gitlab.company.com")) == "<redacted>");
  using A = Strong<struct ATag, int>;
  using B = Strong<struct BTag, int>;
  static_assert(!std::is_convertible_v<int, A> && !std::is_convertible_v<A, B>);
  CHECK(A(1) < A(2));
}

}  // namespace
}  // namespace connlib
