#include "storage/sqlite/database.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "storage/sqlite/schema.h"

namespace grantd::storage::sqlite {
namespace {

/// Why a file of that mode is not opened. Its group may read it: Kubernetes' fsGroup needs it.
std::optional<std::string> unsafe_mode(const std::filesystem::path& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return std::generic_category().message(errno);
  if (!S_ISREG(found.st_mode)) return "is no regular file";
  if ((found.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return "others can read or write the database file: chmod 600 " + path.string();
  }
  return std::nullopt;
}

/// Why a server that runs must not go on with a file that has taken the former one's place.
std::optional<std::string> unfit_schema(const std::vector<AppliedMigration>& applied) {
  const auto plan = plan_migrations(sqlite_migrations(), applied);
  if (!plan) return plan.error();
  if (!plan->empty()) return "the file was replaced by one that lacks migrations: restart";
  return std::nullopt;
}

}  // namespace

Database::Database(const Options& options) : options_(options), idle_readers_(options.readers) {
  NoWaiting::install();
}

std::expected<void, std::string> Database::open() {
  try {
    const auto lock = lock_writer();
    static_cast<void>(ready_writer());
    return {};
  } catch (const Failure& failure) {
    return std::unexpected(described(failure).detail);
  }
}

StoreError Database::described(const Failure& failure) const {
  StoreError error = failure.error();
  error.detail = options_.path.string() + ": " + error.detail;
  return error;
}

Database::FileId Database::file_at_path() const {
  struct stat found{};
  if (::stat(options_.path.c_str(), &found) != 0) {
    throw Failure(SQLITE_CANTOPEN,
                  "the database file is not there: " + std::generic_category().message(errno));
  }
  return {found.st_dev, found.st_ino};
}

std::optional<Database::FileId> Database::identify_log() const {
  struct stat found{};
  if (::stat((options_.path.string() + "-wal").c_str(), &found) != 0) return std::nullopt;
  return FileId{found.st_dev, found.st_ino};
}

bool Database::is_attached_to(const FileId& file) {
  const std::lock_guard lock(readers_mutex_);
  return attached_ == file;
}

std::unique_ptr<Connection> Database::connect(Connection::Use use, const FileId& file) const {
  auto connection = std::make_unique<Connection>(options_.path, use, options_.busy_timeout);
  if (file_at_path() != file) {
    throw Failure(SQLITE_CANTOPEN, "the database file was replaced while it was opened");
  }
  return connection;
}

std::unique_lock<std::timed_mutex> Database::lock_writer() {
  std::unique_lock lock(writer_mutex_, options_.busy_timeout);
  if (!lock) throw Failure(SQLITE_BUSY, "other writes took too long");
  return lock;
}

Connection& Database::ready_writer() {
  const FileId file = file_at_path();
  if (attached_ != file) attach(file);
  if (!writer_) writer_ = connect(Connection::Use::write, file);
  return *writer_;
}

/// With the writer's mutex held.
void Database::attach(const FileId& file) {
  std::unique_lock lock(readers_mutex_);
  if (!reader_returned_.wait_for(lock, options_.busy_timeout,
                                 [this] { return idle_readers_.size() == options_.readers; })) {
    throw Failure(SQLITE_BUSY, "reads of the replaced database file took too long");
  }
  if (attached_) leave_replaced_file();
  if (const auto fault = unsafe_mode(options_.path)) throw Failure(SQLITE_PERM, *fault);
  auto connection = connect(Connection::Use::write, file);
  // Reading makes the log, whose identity is to be remembered.
  const auto applied = read_applied_migrations(*connection);
  if (opened_before_) {
    if (const auto fault = unfit_schema(applied)) throw Failure(SQLITE_SCHEMA, *fault);
    replaced_ = true;
  }
  writer_ = std::move(connection);
  attached_ = file;
  attached_log_ = identify_log();
  opened_before_ = true;
}

/// The old file's write-ahead log still stands beside the new file under the name that SQLite looks
/// for: opened so, its pages would be written over the new file's. What it holds belongs into the
/// old file, through the connections that still have both open.
void Database::leave_replaced_file() {
  if (!writer_ || !writer_->empty_log()) {
    if (const auto log = identify_log(); log && log == attached_log_) {
      throw Failure(SQLITE_BUSY,
                    "the file was replaced, and the write-ahead log of the former one still lies "
                    "beside it");
    }
  }
  attached_.reset();
  writer_.reset();
  for (auto& reader : idle_readers_) reader.reset();
}

Database::Loan::Loan(Database& database, Kind kind) : database_(database) {
  const FileId file = database.file_at_path();
  if (kind == Kind::at_once) {
    take_open_one(file);
  } else {
    wait_for_one(file);
  }
}

void Database::Loan::take_open_one(const FileId& file) {
  const std::unique_lock lock(database_.readers_mutex_, std::try_to_lock);
  if (!lock || database_.attached_ != file) return;
  auto& idle = database_.idle_readers_;
  const auto last = std::find_if(idle.rbegin(), idle.rend(),
                                 [](const auto& reader) { return reader != nullptr; });
  if (last == idle.rend()) {
    database_.lacks_open_reader_ = true;
    return;
  }
  connection_ = std::move(*last);
  idle.erase(std::next(last).base());
}

void Database::Loan::wait_for_one(const FileId& file) {
  if (!database_.is_attached_to(file)) {
    const auto lock = database_.lock_writer();
    static_cast<void>(database_.ready_writer());
  }
  {
    std::unique_lock lock(database_.readers_mutex_);
    auto& idle = database_.idle_readers_;
    if (!database_.reader_returned_.wait_for(lock, database_.options_.busy_timeout,
                                             [&idle] { return !idle.empty(); })) {
      throw Failure(SQLITE_BUSY, "other reads took too long");
    }
    // One that is yet to be opened, where there were too few for who cannot open one.
    auto chosen = std::prev(idle.end());
    if (std::exchange(database_.lacks_open_reader_, false)) {
      const auto closed =
          std::ranges::find_if(idle, [](const auto& reader) { return reader == nullptr; });
      if (closed != idle.end()) chosen = closed;
    }
    connection_ = std::move(*chosen);
    idle.erase(chosen);
  }
  if (connection_) return;
  try {
    connection_ = database_.connect(Connection::Use::read_only, file);
  } catch (...) {
    give_back();
    throw;
  }
}

Database::Loan::~Loan() {
  if (!connection_) return;
  if (connection_->broken()) connection_.reset();
  give_back();
}

void Database::Loan::give_back() {
  {
    const std::lock_guard lock(database_.readers_mutex_);
    database_.idle_readers_.push_back(std::move(connection_));
  }
  // All: a writer that opens a replaced file waits for more than one to come back.
  database_.reader_returned_.notify_all();
}

}  // namespace grantd::storage::sqlite
