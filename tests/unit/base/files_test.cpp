#include "server/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace grantd {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_bytes = 1000;
constexpr uid_t other_user = 65534;

class Files : public testing::Test {
 public:
  ~Files() override { fs::remove_all(directory_); }

 protected:
  Files() {
    std::string name = (fs::temp_directory_path() / "grantd-files-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }

  [[nodiscard]] fs::path at(std::string_view name) const { return directory_ / name; }

  fs::path put(std::string_view name, std::string_view content, mode_t mode = 0600) const {
    std::ofstream(at(name)) << content;
    ::chmod(at(name).c_str(), mode);
    return at(name);
  }

  static struct stat look(const fs::path& path) {
    struct stat found{};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
    return found;
  }
  static mode_t mode_of(const fs::path& path) { return look(path).st_mode & 07777U; }

  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path directory_;
};

using ReadFile = Files;
using ReadPrivateFile = Files;
using WriteFile = Files;
using MakePrivateDirectory = Files;
using GiveToDirectoryOwner = Files;

TEST_F(ReadFile, SaysWhichFileIsMissing) {
  const auto content = read_file(at("none"), max_bytes);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error(), at("none").string() + ": cannot be opened: No such file or directory");
}

TEST_F(ReadFile, RefusesADirectory) { EXPECT_FALSE(read_file(directory_, max_bytes)); }

TEST_F(ReadFile, RefusesOneByteMoreThanTheLimit) {
  const auto path = put("f", std::string(max_bytes + 1, 'a'));
  const auto content = read_file(path, max_bytes);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error(), path.string() + ": is larger than 1000 bytes");
  EXPECT_FALSE(read_file("/dev/zero", max_bytes));
}

TEST_F(ReadFile, ReadsAllUpToTheLimit) {
  EXPECT_EQ(read_file(put("full", std::string(max_bytes, 'a')), max_bytes),
            std::string(max_bytes, 'a'));
  EXPECT_EQ(read_file(put("empty", ""), max_bytes), "");
  const std::string zeros("a\0b\n", 4);
  EXPECT_EQ(read_file(put("zeros", zeros), max_bytes), zeros);
  const std::string large(100'000, 'b');
  EXPECT_EQ(read_file(put("large", large), 1'000'000), large);
}

TEST_F(ReadPrivateFile, RefusesWhatOthersCanReadOrWriteWithTheModeAndTheRemedy) {
  for (const mode_t mode : {0604U, 0644U, 0602U, 0666U}) {
    const auto path = put("secret", "s3cret", mode);
    const auto file = read_private_file(path, max_bytes);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().find("run `chmod 600 " + path.string() + "`"), std::string::npos);
    EXPECT_EQ(file.error().find("s3cret"), std::string::npos);
  }
  EXPECT_NE(read_private_file(put("secret", "", 0644), max_bytes).error().find("mode 0644"),
            std::string::npos);
}

TEST_F(ReadPrivateFile, RefusesWhatItsGroupCanWrite) {
  const auto file = read_private_file(put("secret", "s3cret", 0660), max_bytes);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().find("mode 0660 lets its group write it"), std::string::npos);
}

TEST_F(ReadPrivateFile, RefusesWhatIsNoRegularFileWithoutWaiting) {
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_private_file(at("fifo"), max_bytes));
  EXPECT_FALSE(read_private_file(directory_, max_bytes));
  EXPECT_FALSE(read_private_file("/dev/null", max_bytes));
}

TEST_F(ReadPrivateFile, WarnsWhereItsGroupCanReadIt) {
  const auto file = read_private_file(put("secret", "s3cret", 0440), max_bytes);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->content.view(), "s3cret");
  ASSERT_TRUE(file->warning);
  EXPECT_NE(file->warning->find("mode 0440 lets its group read it"), std::string::npos);
}

TEST_F(ReadPrivateFile, ReadsItsOwnersFileWithoutAWarning) {
  for (const mode_t mode : {0600U, 0400U}) {
    const auto file = read_private_file(put("secret", "s3cret", mode), max_bytes);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->content.view(), "s3cret");
    EXPECT_FALSE(file->warning);
    fs::remove(at("secret"));
  }
}

TEST_F(ReadPrivateFile, FollowsTheLinksThatKubernetesMounts) {
  fs::create_directory(at("..2026"));
  put("..2026/pepper", "s3cret", 0400);
  fs::create_symlink("..2026", at("..data"));
  fs::create_symlink("..data/pepper", at("pepper"));
  const auto file = read_private_file(at("pepper"), max_bytes);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->content.view(), "s3cret");
}

TEST_F(ReadPrivateFile, JudgesTheFileBehindALinkAndNotTheLink) {
  put("open", "s3cret", 0644);
  fs::create_symlink("open", at("link"));
  EXPECT_FALSE(read_private_file(at("link"), max_bytes));
}

TEST_F(WriteFile, RefusesAPathThatNamesNoFile) {
  for (const auto& path : {at("."), at(".."), fs::path(at("x").string() + "/"), fs::path()}) {
    EXPECT_FALSE(write_private_file(path, "new", IfExists::replace)) << path;
  }
}

TEST_F(WriteFile, SaysThatTheDirectoryIsMissing) {
  const auto done = write_private_file(at("none/f"), "new", IfExists::refuse);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().find("its directory cannot be opened"), std::string::npos);
}

TEST_F(WriteFile, LeavesAnExistingFileAloneWhereAskedTo) {
  const auto path = put("f", "old");
  const auto done = write_private_file(path, "new", IfExists::refuse);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error(), path.string() + ": exists already and is not overwritten");
  EXPECT_EQ(read_file(path, max_bytes), "old");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, DoesNotFollowALinkThatLiesInTheWay) {
  put("elsewhere", "old");
  fs::create_symlink("elsewhere", at("link"));
  EXPECT_FALSE(write_private_file(at("link"), "new", IfExists::refuse));
  EXPECT_TRUE(write_private_file(at("link"), "new", IfExists::replace));
  EXPECT_EQ(read_file(at("elsewhere"), max_bytes), "old");
  EXPECT_TRUE(S_ISREG(look(at("link")).st_mode));
}

TEST_F(WriteFile, LetsOneOfManyWritersWin) {
  constexpr int writers = 8;
  std::atomic<int> won{0};
  {
    std::vector<std::jthread> threads;
    threads.reserve(writers);
    for (int i = 0; i < writers; ++i) {
      threads.emplace_back([&] {
        if (write_private_file(at("f"), "new", IfExists::refuse)) ++won;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, LeavesNothingBehindWhereItFails) {
  fs::create_directory(at("directory"));
  EXPECT_FALSE(write_private_file(at("directory"), "new", IfExists::replace));
  EXPECT_FALSE(write_private_file(at("directory"), "new", IfExists::refuse));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, SetsTheModeWhateverTheUmask) {
  for (const mode_t mask : {0000U, 0777U}) {
    const mode_t before = ::umask(mask);
    const auto secret = write_private_file(at("secret"), "new", IfExists::replace);
    const auto open = write_public_file(at("open"), "new", IfExists::replace);
    ::umask(before);
    ASSERT_TRUE(secret) << secret.error();
    ASSERT_TRUE(open) << open.error();
    EXPECT_EQ(mode_of(at("secret")), 0600U);
    EXPECT_EQ(mode_of(at("open")), 0644U);
  }
}

TEST_F(WriteFile, ReplacesContentAndModeTogether) {
  const auto path = put("f", "old", 0666);
  ASSERT_TRUE(write_private_file(path, "new", IfExists::replace));
  EXPECT_EQ(read_private_file(path, max_bytes)->content.view(), "new");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, TakesAFullLengthName) {
  EXPECT_TRUE(write_private_file(at(std::string(255, 'n')), "new", IfExists::refuse));
}

TEST_F(WriteFile, ByRootGoesToTheDirectorysOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::chown(directory_.c_str(), other_user, other_user), 0);
  ASSERT_TRUE(write_private_file(at("f"), "new", IfExists::refuse));
  EXPECT_EQ(look(at("f")).st_uid, other_user);
  EXPECT_EQ(look(at("f")).st_gid, other_user);
  EXPECT_EQ(mode_of(at("f")), 0600U);
}

TEST_F(MakePrivateDirectory, RefusesWhereAFileIsInTheWay) {
  put("file", "");
  EXPECT_FALSE(make_private_directory(at("file")));
  EXPECT_FALSE(make_private_directory(at("file/below")));
}

TEST_F(MakePrivateDirectory, MakesParentsAndAllForTheirOwnerAlone) {
  ASSERT_TRUE(make_private_directory(at("a/b/c/")));
  for (const char* made : {"a", "a/b", "a/b/c"}) EXPECT_EQ(mode_of(at(made)), 0700U) << made;
}

TEST_F(MakePrivateDirectory, LeavesAnExistingOneAsItIs) {
  fs::create_directory(at("a"));
  ::chmod(at("a").c_str(), 0750);
  EXPECT_TRUE(make_private_directory(at("a")));
  EXPECT_EQ(mode_of(at("a")), 0750U);
}

TEST_F(MakePrivateDirectory, ByRootIsOwnedAsItsParent) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::chown(directory_.c_str(), other_user, other_user), 0);
  ASSERT_TRUE(make_private_directory(at("a/b")));
  EXPECT_EQ(look(at("a")).st_uid, other_user);
  EXPECT_EQ(look(at("a/b")).st_uid, other_user);
}

TEST_F(GiveToDirectoryOwner, NeverGivesAwayWhatALinkLeadsTo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  put("roots", "");
  fs::create_directory(at("service"));
  ASSERT_EQ(::chown(at("service").c_str(), other_user, other_user), 0);
  fs::create_symlink(at("roots"), at("service/symbolic"));
  fs::create_hard_link(at("roots"), at("service/hard"));

  EXPECT_FALSE(give_to_directory_owner(at("service/symbolic")));
  EXPECT_FALSE(give_to_directory_owner(at("service/hard")));
  EXPECT_EQ(look(at("roots")).st_uid, 0U);
}

TEST_F(GiveToDirectoryOwner, GivesFilesAndDirectories) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  put("f", "");
  fs::create_directory(at("d"));
  ASSERT_EQ(::chown(directory_.c_str(), other_user, other_user), 0);
  EXPECT_TRUE(give_to_directory_owner(at("f")));
  EXPECT_TRUE(give_to_directory_owner(at("d/")));
  EXPECT_EQ(look(at("f")).st_uid, other_user);
  EXPECT_EQ(look(at("d")).st_uid, other_user);
}

}  // namespace
}  // namespace grantd
