/// Gathers the signatures that are pending on all event loops, and makes up to eight of one key at
/// once (docs/adr/0012-batched-signing.md).
///
/// There is no timer and no thread: sign() puts what is asked for into a queue that all loops share
/// and posts one flush to its own loop, behind what is ready there. The flush takes what is
/// pending, its own loop's first, then others'; a lone request is signed by plain OpenSSL, and so
/// is what is asked for on a pool of threads, such as a status list. No lock is held while anything
/// is computed. Every signature of the backend is proven with the public key before it leaves; one
/// that fails is made again by OpenSSL, and reported.
///
/// Thread-safe. The signer outlives the event loops, a loop is one io_context that one thread runs
/// and belongs to one signer, and all loops have stopped before the first of them is destroyed.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "server/keys/rsa_batch.h"
#include "server/keys/signer.h"

namespace grantd::keys {

/// Told of what was signed, on the thread that did it: must neither wait nor throw.
class SigningObserver {
 public:
  SigningObserver() = default;
  SigningObserver(const SigningObserver&) = delete;
  SigningObserver& operator=(const SigningObserver&) = delete;
  virtual ~SigningObserver() = default;

  /// One by OpenSSL: too few were pending, or the backend does not take the key.
  virtual void signed_alone() = 0;
  /// So many by the backend, at once.
  virtual void signed_together(std::size_t signatures) = 0;
  /// What the backend returned was no signature, and was thrown away.
  virtual void faulty(const std::string& kid) = 0;
};

class BatchSigner final : public Signer {
 public:
  /// How often a flush that would not fill a batch goes behind what has become ready meanwhile.
  static constexpr unsigned patience = 2;

  BatchSigner(RsaBatch& backend, SigningObserver& observer);
  BatchSigner(const BatchSigner&) = delete;
  BatchSigner& operator=(const BatchSigner&) = delete;
  ~BatchSigner() override;

  boost::asio::awaitable<std::expected<std::string, SigningFailed>> sign(
      const jose::RsaPrivateKey& key, std::string_view signing_input) override;

 private:
  class Loop;
  struct Waiter;
  struct Batch;
  class Park;

  Loop& loop_of(const boost::asio::any_io_executor& executor);
  void enqueue(Waiter& waiter);
  void post_flush(Loop& loop);
  void flush(Loop& loop);
  [[nodiscard]] Batch take(Loop& loop);
  void sign_all(Batch& batch);
  void compute(Batch& batch);
  [[nodiscard]] std::string alone(const jose::RsaPrivateKey& key, std::string_view signing_input);
  void sign_again(Waiter& waiter);
  void deliver(Loop& own, const Batch& batch);
  void resume(Loop& loop);

  RsaBatch& backend_;
  SigningObserver& observer_;
  std::mutex mutex_;  // guards what waits in all loops
  std::vector<Loop*> loops_;
};

}  // namespace grantd::keys
