#include "server/keys/batch_signer.h"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/intrusive/list.hpp>
#include <exception>
#include <functional>
#include <stdexcept>
#include <utility>

namespace grantd::keys {

namespace asio = boost::asio;

/// One call of sign(), in its coroutine's frame.
struct BatchSigner::Waiter : boost::intrusive::list_base_hook<> {
  Waiter(const jose::RsaPrivateKey& with_key, std::string_view text, Loop& of,
         const asio::any_io_executor& executor)
      : key(with_key),
        signing_input(text),
        loop(of),
        // Another loop may be at work on it, with nothing else left to do on its own.
        resumes_on(asio::prefer(executor, asio::execution::outstanding_work.tracked)) {}

  const jose::RsaPrivateKey& key;
  std::string_view signing_input;
  Loop& loop;
  asio::any_io_executor resumes_on;
  std::move_only_function<void()> resume;  // owns the frame while it waits
  std::string signature;
  bool settled{false};  // the signature is what the caller gets, empty or not
};

/// What waits on one event loop: a service of its context, so that coroutines which still wait when
/// the context ends go with it.
class BatchSigner::Loop final : public asio::execution_context::service {
 public:
  using Waiters = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;

  static inline asio::execution_context::id id;

  explicit Loop(asio::execution_context& context) : service(context) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() override = default;

  BatchSigner* signer{nullptr};
  asio::any_io_executor executor;
  // Guarded by the signer's mutex.
  Waiters pending;
  Waiters done;
  bool resume_posted{false};
  // The loop's own.
  bool flush_posted{false};
  unsigned patience_left{0};

 private:
  void shutdown() override {
    if (signer == nullptr) return;
    {
      const std::lock_guard lock(signer->mutex_);
      std::erase(signer->loops_, this);
    }
    drop(pending);
    drop(done);
  }

  /// The coroutines themselves go later, with what is posted to the context.
  void drop(Waiters& waiters) const {
    for (;;) {
      std::move_only_function<void()> dropped;  // outside the lock
      const std::lock_guard lock(signer->mutex_);
      if (waiters.empty()) return;
      dropped = std::move(waiters.front().resume);
      waiters.pop_front();
    }
  }
};

struct BatchSigner::Batch {
  std::array<Waiter*, RsaBatch::lanes> waiters{};
  std::size_t size{0};
  bool wait_for_more{false};

  [[nodiscard]] std::span<Waiter* const> all() const { return std::span(waiters).first(size); }
};

/// Suspends a coroutine until its waiter is resumed.
class BatchSigner::Park {
 public:
  Park(BatchSigner& signer, Waiter& waiter) : signer_(signer), waiter_(waiter) {}

  template <typename Handler>
  void operator()(Handler&& handler) const {
    waiter_.resume = std::forward<Handler>(handler);
    signer_.enqueue(waiter_);
  }

 private:
  BatchSigner& signer_;
  Waiter& waiter_;
};

namespace {

/// Of one thread. A pool's threads share their context, and what is a loop's own would be theirs.
bool is_event_loop(const asio::any_io_executor& executor) {
  return executor.target<asio::io_context::executor_type>() != nullptr;
}

}  // namespace

BatchSigner::BatchSigner(RsaBatch& backend, SigningObserver& observer)
    : backend_(backend), observer_(observer) {}
BatchSigner::~BatchSigner() = default;

asio::awaitable<std::expected<std::string, SigningFailed>> BatchSigner::sign(
    const jose::RsaPrivateKey& key, std::string_view signing_input) {
  std::string signature;
  const auto* const blinded = key.blinded();
  const auto executor = co_await asio::this_coro::executor;
  if (is_event_loop(executor) && blinded != nullptr && backend_.takes(blinded->bits())) {
    Waiter waiter(key, signing_input, loop_of(executor), executor);
    const Park park(*this, waiter);
    co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(park, asio::use_awaitable);
    signature = std::move(waiter.signature);
  } else {
    signature = alone(key, signing_input);
  }
  if (signature.empty()) co_return std::unexpected(SigningFailed{});
  co_return std::move(signature);
}

BatchSigner::Loop& BatchSigner::loop_of(const asio::any_io_executor& executor) {
  auto& loop = asio::use_service<Loop>(asio::query(executor, asio::execution::context));
  if (loop.signer == nullptr) {
    const std::lock_guard lock(mutex_);
    loops_.push_back(&loop);
    loop.signer = this;
    loop.executor = executor;
  }
  if (loop.signer != this) throw std::logic_error("an event loop with two signers");
  return loop;
}

void BatchSigner::enqueue(Waiter& waiter) {
  Loop& loop = waiter.loop;
  if (!loop.flush_posted) post_flush(loop);  // first: it may throw
  loop.flush_posted = true;
  const std::lock_guard lock(mutex_);
  loop.pending.push_back(waiter);
}

void BatchSigner::post_flush(Loop& loop) {
  loop.patience_left = patience;
  asio::post(loop.executor, [this, &loop] { flush(loop); });
}

void BatchSigner::flush(Loop& loop) {
  Batch batch = take(loop);
  if (batch.wait_for_more) {
    --loop.patience_left;
    asio::post(loop.executor, [this, &loop] { flush(loop); });
    return;
  }
  sign_all(batch);
  {
    const std::lock_guard lock(mutex_);
    loop.flush_posted = !loop.pending.empty();
  }
  if (loop.flush_posted) post_flush(loop);
  deliver(loop, batch);
}

/// Up to eight of one key: what waits longest on this loop, and then elsewhere. Each loop has its
/// own flush, so that nobody waits for good behind another's.
BatchSigner::Batch BatchSigner::take(Loop& loop) {
  Batch batch;
  const auto gather = [&batch](Loop::Waiters& waiters) {
    for (Waiter& waiter : waiters) {
      if (batch.size == batch.waiters.size()) return;
      if (batch.size > 0 && &waiter.key != &batch.waiters[0]->key) continue;
      batch.waiters[batch.size++] = &waiter;
    }
  };
  const std::lock_guard lock(mutex_);
  gather(loop.pending);
  for (Loop* const other : loops_) {
    if (other != &loop) gather(other->pending);
  }
  const bool only_helps = loop.pending.empty();
  if (batch.size < batch.waiters.size() && loop.patience_left > 0 && !only_helps) {
    batch.wait_for_more = true;
    return batch;
  }
  if (batch.size < RsaBatch::worth_a_batch) batch.size = only_helps ? 0 : 1;
  for (Waiter* const waiter : batch.all()) {
    waiter->loop.pending.erase(waiter->loop.pending.iterator_to(*waiter));
  }
  return batch;
}

void BatchSigner::sign_all(Batch& batch) {
  if (batch.size >= RsaBatch::worth_a_batch) {
    try {
      compute(batch);
    } catch (const std::exception&) {
      // OpenSSL had no random numbers, or there was no memory: one by one, then.
    }
  }
  for (Waiter* const waiter : batch.all()) {
    if (waiter->settled) continue;
    try {
      waiter->signature = alone(waiter->key, waiter->signing_input);
    } catch (const std::exception&) {
      waiter->signature.clear();  // its caller answers for it; the others go on
    }
  }
}

void BatchSigner::compute(Batch& batch) {
  const auto& blinded = *batch.waiters[0]->key.blinded();
  const auto work = blinded.lease();
  std::array<RsaBatch::Lane, RsaBatch::lanes> lanes;
  for (std::size_t i = 0; i < batch.size; ++i) {
    work->blind(i, batch.waiters[i]->signing_input);
    lanes[i] = {&blinded.crt(), work->input(i), work->output(i)};
  }
  backend_.compute(blinded.bits(), std::span(lanes).first(batch.size));
  std::size_t proven = 0;
  for (std::size_t i = 0; i < batch.size; ++i) {
    Waiter& waiter = *batch.waiters[i];
    waiter.settled = true;
    waiter.signature = work->finish(i);
    if (waiter.signature.empty()) {
      sign_again(waiter);
    } else {
      ++proven;
    }
  }
  observer_.signed_together(proven);
}

std::string BatchSigner::alone(const jose::RsaPrivateKey& key, std::string_view signing_input) {
  std::string signature = key.sign_rs256(signing_input);
  observer_.signed_alone();
  return signature;
}

/// A machine that erred once is not trusted to be right now.
void BatchSigner::sign_again(Waiter& waiter) {
  observer_.faulty(waiter.key.kid());
  waiter.signature = alone(waiter.key, waiter.signing_input);
  const auto& public_key = *waiter.key.public_key();
  if (!public_key.verify_rs256(waiter.signing_input, waiter.signature)) waiter.signature.clear();
}

/// What belongs to another loop is resumed there, with one post for all of it.
void BatchSigner::deliver(Loop& own, const Batch& batch) {
  std::array<Loop*, RsaBatch::lanes> others{};
  std::size_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    for (Waiter* const waiter : batch.all()) {
      Loop& loop = waiter->loop;
      loop.done.push_back(*waiter);
      if (&loop == &own || std::exchange(loop.resume_posted, true)) continue;
      others[count++] = &loop;
    }
  }
  for (Loop* const other : std::span(others).first(count)) {
    asio::post(other->executor, [this, other] { resume(*other); });
  }
  resume(own);
}

void BatchSigner::resume(Loop& loop) {
  for (;;) {
    asio::any_io_executor executor;
    std::move_only_function<void()> next;
    {
      const std::lock_guard lock(mutex_);
      loop.resume_posted = false;
      if (loop.done.empty()) return;
      Waiter& waiter = loop.done.front();
      loop.done.pop_front();
      executor = std::move(waiter.resumes_on);
      next = std::move(waiter.resume);
    }
    asio::dispatch(executor, std::move(next));
  }
}

}  // namespace grantd::keys
