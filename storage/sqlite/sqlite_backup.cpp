#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "server/base/descriptor.h"
#include "server/base/files.h"
#include "storage/sqlite/backend.h"

namespace grantd::storage::sqlite {
namespace {

constexpr int all_pages = -1;

/// Once restored, the copy would give to its own changes the `seq` that the original gave to those
/// after the backup, and a reader of the revocation feed who was told of the latter would never
/// hear of the former; and to its own status lists the ids of others. So it counts on from where
/// the original never comes: 2^32 further, which JSON's 2^53 has room for two million times.
constexpr auto count_on = "UPDATE counter SET value = value + 4294967296";

/// Nor may it give entries of a list out again that the original gave out after the backup.
constexpr auto fill_status_lists = "UPDATE status_list SET next_index = capacity";

std::unexpected<std::string> system_fault(const std::filesystem::path& path) {
  return std::unexpected(path.string() + ": " + std::generic_category().message(errno));
}

/// Beside the target, removed where it does not become the target.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target)
      : path_(target.string() + ".XXXXXX"), file_(::mkostemp(path_.data(), O_CLOEXEC)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (file_.valid() && !renamed_) ::unlink(path_.c_str());
  }

  [[nodiscard]] bool valid() const { return file_.valid(); }
  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::expected<void, std::string> become(const std::filesystem::path& target) {
    if (::fsync(file_.get()) != 0) return system_fault(path_);
    if (auto given = give_to_directory_owner(path_); !given) return given;
    if (::rename(path_.c_str(), target.c_str()) != 0) return system_fault(target);
    renamed_ = true;
    const auto parent = target.has_parent_path() ? target.parent_path() : ".";
    const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() || ::fsync(directory.get()) != 0) return system_fault(parent);
    return {};
  }

 private:
  std::string path_;
  Descriptor file_;
  bool renamed_{false};
};

struct CloseDatabase {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};

/// A database that nobody has migrated yet has no tables at all.
bool has_table(sqlite3* handle, const char* table) {
  return sqlite3_table_column_metadata(handle, "main", table, nullptr, nullptr, nullptr, nullptr,
                                       nullptr, nullptr) == SQLITE_OK;
}

void run(sqlite3* handle, const char* statement) {
  const int code = sqlite3_exec(handle, statement, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw Failure(code, sqlite3_errmsg(handle));
}

/// All pages in one step: one read transaction, which holds up no writer.
void copy_pages(Connection& source, const std::string& path) {
  sqlite3* handle = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> copy(handle);
  if (opened != SQLITE_OK) throw Failure(opened, "the backup file cannot be opened");

  sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", source.handle(), "main");
  if (backup == nullptr) {
    throw Failure(sqlite3_errcode(copy.get()), sqlite3_errmsg(copy.get()));
  }
  sqlite3_backup_step(backup, all_pages);
  const int code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) throw Failure(code, sqlite3_errmsg(copy.get()));
  // A backup is one file that can be read where it lies, without a log to be made beside it.
  run(copy.get(), "PRAGMA journal_mode = DELETE");
  if (has_table(copy.get(), "counter")) run(copy.get(), count_on);
  if (has_table(copy.get(), "status_list")) run(copy.get(), fill_status_lists);
}

}  // namespace

std::expected<void, std::string> Backend::backup_to(const std::filesystem::path& target) {
  TemporaryFile file(target);
  if (!file.valid()) return system_fault(target);
  const auto copied = database_->read([&](Connection& connection) -> StoreResult<void> {
    copy_pages(connection, file.path());
    return {};
  });
  if (!copied) return std::unexpected(copied.error().detail);
  return file.become(target);
}

}  // namespace grantd::storage::sqlite
