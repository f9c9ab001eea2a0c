/// Where the private halves of the signing keys live: files of a directory, or the database
/// (docs/adr/0009). What is published and when it signs stands in storage in either case.
///
/// KeyRing and the operators' commands work with any custody. Calls block; one thread. Errors are
/// sentences without key material.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/keys/publication.h"
#include "server/keys/rotation.h"
#include "storage/stores.h"

namespace grantd::keys {

using PrivateKey = std::shared_ptr<const jose::RsaPrivateKey>;

class KeyCustody {
 public:
  virtual ~KeyCustody() = default;

  /// Why private halves are out of reach.
  struct Fault {
    enum class Kind {
      busy,  // somebody else is at work: later
      gone,  // the place is not there: as if it held nothing
      away,  // storage does not answer: nothing is to be decided now
    };
    Kind kind{};
    std::string detail{};
  };
  struct Note {
    std::string kid{};  // empty where it could not be read
    std::string detail{};
  };

  struct Content {
    std::vector<PrivateKey> keys{};  // by kid, each once; also of kids that storage does not know
    Kids closed{};                   // theirs are there, but only other processes can open them
    Kids left_behind{};              // of keys that were removed: to be put away
    std::vector<Note> skipped{};     // what is no usable key, and why
    std::vector<Note> warnings{};    // what is used and could be safer
  };

  /// Why the private half of one key is not at hand.
  struct Missing {
    enum class Kind { lost, closed, away };
    Kind kind{};
    std::string detail{};
  };

  /// Work on the private halves: for as long as it lives no other process changes them, or what it
  /// changes is found out when this one writes.
  class Session {
   public:
    virtual ~Session() = default;

    /// Puts what a crash left behind right, as `known` says. Sentences for what could not be done.
    virtual std::vector<std::string> recover(const Records& known) = 0;

    [[nodiscard]] virtual std::expected<Content, Fault> load(const Records& known,
                                                             WallTime now) = 0;
    [[nodiscard]] virtual std::expected<PrivateKey, Missing> load_one(std::string_view kid) = 0;

    /// Keeps the private half, and writes what `decide` makes of the stored keys. `decide` must
    /// leave the key known, or refuse.
    [[nodiscard]] virtual storage::StoreResult<Records> publish(const jose::RsaPrivateKey& key,
                                                                const Decide& decide, WallTime now,
                                                                std::string_view actor) = 0;

    /// The halves of keys that were removed go to where no server reads them. None there is not an
    /// error. Notes for what could not be done.
    virtual std::vector<Note> put_away(const Kids& kids, WallTime now, std::string_view actor) = 0;
  };
  [[nodiscard]] virtual std::expected<std::unique_ptr<Session>, Fault> open(
      std::chrono::milliseconds patience) = 0;

  /// For the first key of an installation.
  [[nodiscard]] virtual std::expected<void, std::string> prepare() = 0;

  /// What opens the private halves, read anew and in force: what was before is again when this
  /// goes, unless keep() was called. The custody outlives it.
  class Renewal {
   public:
    using Undo = std::move_only_function<void()>;
    explicit Renewal(Undo undo) : undo_(std::move(undo)) {}
    Renewal(Renewal&& other) noexcept : undo_(std::exchange(other.undo_, Undo())) {}
    Renewal& operator=(Renewal&&) = delete;
    ~Renewal() {
      if (undo_) undo_();
    }
    void keep() { undo_ = Undo(); }

   private:
    Undo undo_;
  };
  /// For SIGHUP. Error: it does not open what is there; what was in force stays.
  [[nodiscard]] virtual std::expected<Renewal, std::string> renew() = 0;
  /// Adds to `update` what becomes of the private halves with it, in the same transaction.
  virtual void accompany(storage::KeyStore::Update& update, WallTime now) const = 0;

  /// Parts of sentences for operators.
  struct Words {
    std::string place{};        // "the directory keys"
    std::string unknown_to{};   // who does not know a kid
    std::string none_usable{};  // keys are known, and none of their private halves can be used
  };
  [[nodiscard]] virtual const Words& words() const = 0;
  /// Whether a command can put back the private half of a known key; else an operator places it by
  /// hand.
  [[nodiscard]] virtual bool takes_back() const = 0;
};

}  // namespace grantd::keys
