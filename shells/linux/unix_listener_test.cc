#include "shells/linux/unix_listener.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace connlib::shells {
namespace {

// A folder that is gone with the test, and what is in it.
struct Folder {
  Folder() {
    std::string name = "/tmp/connlib-socket-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    unlink((path + "/s").c_str());
    unlink((path + "/sub/s").c_str());
    rmdir((path + "/sub").c_str());
    rmdir(path.c_str());
  }
  std::string path;
};

bool connects(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool ok = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return ok;
}

bool exists(const std::string& path) {
  struct stat file {};
  return lstat(path.c_str(), &file) == 0;
}

TEST_CASE("a socket file has the mode it was given, whatever the umask, and goes with its owner") {
  const Folder folder;
  const std::string path = folder.path + "/s";
  const mode_t mode = GENERATE(as<mode_t>(), 0600, 0660);
  const mode_t before = umask(0);
  {
    const auto listener = UnixListener::open({.path = path, .mode = mode});
    umask(before);
    REQUIRE(listener.ok());
    struct stat file {};
    REQUIRE(lstat(path.c_str(), &file) == 0);
    CHECK((file.st_mode & 0777) == mode);
    CHECK(S_ISSOCK(file.st_mode));
    CHECK(connects(path));
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("a missing folder is made") {
  const Folder folder;
  CHECK(UnixListener::open({.path = folder.path + "/sub/s"}).ok());
}

TEST_CASE("a socket file left by a process that died is replaced") {
  const Folder folder;
  const std::string path = folder.path + "/s";
  {
    auto dead = UnixListener::open({.path = path});
    REQUIRE(dead.ok());
    close(dead->release_fd());
    REQUIRE(link(path.c_str(), (path + "2").c_str()) == 0);
  }
  REQUIRE(rename((path + "2").c_str(), path.c_str()) == 0);  // As if nobody had tidied up.
  REQUIRE_FALSE(connects(path));
  const auto listener = UnixListener::open({.path = path});
  REQUIRE(listener.ok());
  CHECK(connects(path));
}

TEST_CASE("a socket that a living process serves is left to it") {
  const Folder folder;
  const std::string path = folder.path + "/s";
  const auto first = UnixListener::open({.path = path});
  REQUIRE(first.ok());
  const auto second = UnixListener::open({.path = path});
  CHECK(absl::IsAlreadyExists(second.status()));
  CHECK(connects(path));
}

TEST_CASE("a file that is no socket is never deleted") {
  const Folder folder;
  const std::string path = folder.path + "/s";
  std::ofstream(path) << "precious";
  CHECK(absl::IsAlreadyExists(UnixListener::open({.path = path}).status()));
  CHECK(exists(path));
}

TEST_CASE("an owner does not delete what took the place of its file") {
  const Folder folder;
  const std::string path = folder.path + "/s";
  {
    const auto first = UnixListener::open({.path = path});
    REQUIRE(first.ok());
    REQUIRE(rename(path.c_str(), (path + "2").c_str()) == 0);
    std::ofstream(path) << "another's";
  }
  CHECK(exists(path));
  unlink((path + "2").c_str());
}

TEST_CASE("paths that no socket can have are named as such") {
  const std::string path = GENERATE(as<std::string>(), "", "relative", "127.0.0.1:9999",
                                    "/tmp/" + std::string(200, 'x'));
  CHECK(absl::IsInvalidArgument(UnixListener::open({.path = path}).status()));
}

TEST_CASE("a folder that cannot be made is an error that names it") {
  const auto listener = UnixListener::open({.path = "/proc/no/such/s"});
  REQUIRE_FALSE(listener.ok());
  CHECK(std::string(listener.status().message()).find("/proc/no") != std::string::npos);
}

}  // namespace
}  // namespace connlib::shells
