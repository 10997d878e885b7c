#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "connlib/base/random_source.h"
#include "shells/portal/store/store.h"

namespace connlib::portald {

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "connlib-portal-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A store as `init` leaves it, with an account, an administrator, everyone, and a site.
struct StoreFixture {
  StoreFixture() {
    Writer writer = begin();
    make(writer, account_kind(),
         {{"name", "Example"}, {"slug", "example"}, {"url", "https://portal.example.com"}});
    admin = make(writer, "actor", {{"name", "admin"}, {"type", "account_admin_user"}});
    everyone = make(writer, "group", {{"name", "Everyone"}, {"type", "everyone"}});
    site = make(writer, "site", {{"name", "HQ"}});
    commit(writer);
  }

  static Store create(const std::string& path, absl::Time now) {
    auto made = Store::create(path, now);
    REQUIRE(made.ok());
    return *std::move(made);
  }
  Writer begin() { return Writer(store, {"test", now}, random); }
  std::string make(Writer& writer, const Kind& kind, const Json& members) {
    std::string id;
    const Refusal refusal = writer.create(kind, members, id);
    CAPTURE(refusal ? refusal->pointer + ": " + refusal->message : "");
    REQUIRE_FALSE(refusal);
    return id;
  }
  std::string make(Writer& writer, const char* kind, const Json& members) {
    return make(writer, *find_kind(kind), members);
  }
  std::string make(const char* kind, const Json& members) {
    Writer writer = begin();
    std::string id = make(writer, kind, members);
    commit(writer);
    return id;
  }
  void commit(Writer& writer) {
    const Refusal refusal = writer.commit();
    CAPTURE(refusal ? refusal->message : "");
    REQUIRE_FALSE(refusal);
  }

  absl::Time now = absl::FromUnixSeconds(1'790'000'000);  // A Monday afternoon in September 2026.
  TemporaryFolder folder;
  SeededRandom random{7};
  Store store = create(folder.file("portal.db"), now);
  std::string admin, everyone, site;
};

}  // namespace connlib::portald
