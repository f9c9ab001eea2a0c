#include "server/keys/batch_signer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/base/blocking_pool.h"
#include "server/jose/rsa_key.h"
#include "tests/support/software_rsa_batch.h"
#include "tests/support/test_keys.h"

namespace grantd::keys {
namespace {

namespace asio = boost::asio;
using jose::RsaPrivateKey;
using testing::SoftwareRsaBatch;
using testing::test_key;

class Counts final : public SigningObserver {
 public:
  void signed_alone() override { ++alone; }
  void signed_together(std::size_t signatures) override { together += signatures; }
  void faulty(const std::string& kid) override {
    const std::lock_guard lock(mutex_);
    faults.push_back(kid);
  }

  std::atomic<std::size_t> alone{0};
  std::atomic<std::size_t> together{0};
  std::vector<std::string> faults;

 private:
  std::mutex mutex_;
};

class BatchSignerTest : public ::testing::Test {
 protected:
  asio::awaitable<void> sign(const RsaPrivateKey& key, std::string message) {
    const auto signature = co_await signer.sign(key, message);
    if (signature && key.public_key()->verify_rs256(message, *signature)) {
      ++valid;
    } else {
      ++invalid;
    }
  }

  asio::awaitable<void> sign_often(const RsaPrivateKey& key, std::string name, int times) {
    for (int i = 0; i < times; ++i) {
      auto one = sign(key, name + " " + std::to_string(i));
      co_await std::move(one);
    }
  }

  asio::awaitable<void> hold(std::shared_ptr<int> held) {
    auto one = sign(first_key, "held");
    co_await std::move(one);
    ++*held;
  }

  void spawn(asio::io_context& loop, const RsaPrivateKey& key, int count) {
    for (int i = 0; i < count; ++i) {
      asio::co_spawn(loop, sign(key, "message " + std::to_string(i)), asio::detached);
    }
  }

  /// Until all of them wait in the queue, with the flush still to come.
  void spawn_and_enqueue(asio::io_context& loop, const RsaPrivateKey& key, int count) {
    spawn(loop, key, count);
    for (int i = 0; i < count; ++i) loop.run_one();
  }

  const RsaPrivateKey& first_key = *test_key(0);
  SoftwareRsaBatch backend;
  Counts counts;
  BatchSigner signer{backend, counts};
  std::atomic<int> valid{0};
  std::atomic<int> invalid{0};
};

TEST_F(BatchSignerTest, ALoneRequestIsSignedByOpenSsl) {
  asio::io_context loop{1};
  spawn(loop, first_key, 1);
  loop.run();
  EXPECT_EQ(valid, 1);
  EXPECT_EQ(counts.alone, 1U);
  EXPECT_EQ(backend.batches, 0);
}

TEST_F(BatchSignerTest, TwoAreSignedByOpenSslAndThreeTogether) {
  asio::io_context loop{1};
  spawn(loop, first_key, 2);
  loop.run();
  EXPECT_EQ(counts.alone, 2U);
  loop.restart();
  spawn(loop, first_key, 3);
  loop.run();
  EXPECT_EQ(valid, 5);
  EXPECT_EQ(counts.together, 3U);
  EXPECT_EQ(backend.batches, 1);
}

TEST_F(BatchSignerTest, EightThatArePendingMakeOneBatchAndTheNinthIsNotLeftBehind) {
  asio::io_context loop{1};
  spawn(loop, first_key, 9);
  loop.run();
  EXPECT_EQ(valid, 9);
  EXPECT_EQ(counts.together, 8U);
  EXPECT_EQ(counts.alone, 1U);
  EXPECT_EQ(backend.batches, 1);
}

TEST_F(BatchSignerTest, AFreeLoopTakesWhatIsPendingOnAnother) {
  asio::io_context busy{1};
  asio::io_context free{1};
  spawn_and_enqueue(busy, first_key, 5);
  spawn(free, first_key, 3);
  free.run();
  EXPECT_EQ(valid, 3) << "the others are resumed on their own loop";
  EXPECT_EQ(counts.together, 8U);
  EXPECT_EQ(backend.batches, 1);
  busy.run();
  EXPECT_EQ(valid, 8);
  EXPECT_EQ(backend.batches, 1);
  EXPECT_EQ(counts.alone, 0U);
}

TEST_F(BatchSignerTest, SignsAloneOnAPoolWhoseThreadsShareOneContext) {
  constexpr int rounds = 200;
  constexpr int side_by_side = 3;
  BlockingPool pool(2, rounds * side_by_side);
  for (int i = 0; i < rounds * side_by_side; ++i) {
    ASSERT_TRUE(pool.start([this, i] { return sign(first_key, std::to_string(i)); }));
  }
  pool.join();
  EXPECT_EQ(valid, rounds * side_by_side);
  EXPECT_EQ(counts.alone, static_cast<std::size_t>(rounds * side_by_side));
  EXPECT_EQ(backend.batches, 0);
}

TEST_F(BatchSignerTest, ManyCoroutinesOnTwoLoopsInTwoThreadsAllGetTheirOwnSignature) {
  constexpr int coroutines = 24;
  constexpr int times = 10;
  asio::io_context first{1};
  asio::io_context second{1};
  for (int i = 0; i < coroutines; ++i) {
    auto& loop = i % 2 == 0 ? first : second;
    asio::co_spawn(loop, sign_often(first_key, "coroutine " + std::to_string(i), times),
                   asio::detached);
  }
  std::jthread other([&second] { second.run(); });
  first.run();
  other.join();
  EXPECT_EQ(valid, coroutines * times);
  EXPECT_EQ(invalid, 0);
  EXPECT_EQ(counts.together + counts.alone, static_cast<std::size_t>(coroutines * times));
  EXPECT_GT(counts.together, 0U);
  EXPECT_TRUE(counts.faults.empty());
}

TEST_F(BatchSignerTest, ALaneThatErrsIsSignedAgainByOpenSslAndReported) {
  backend.corrupt_lane = 2;
  asio::io_context loop{1};
  spawn(loop, first_key, 8);
  loop.run();
  EXPECT_EQ(valid, 8);
  EXPECT_EQ(invalid, 0);
  EXPECT_EQ(counts.faults, std::vector<std::string>{first_key.kid()});
  EXPECT_EQ(counts.together, 7U);
  EXPECT_EQ(counts.alone, 1U);
}

TEST_F(BatchSignerTest, KeysThatTookOverMeanwhileAreNotMixed) {
  asio::io_context loop{1};
  for (int i = 0; i < 4; ++i) {
    spawn(loop, first_key, 1);
    spawn(loop, *test_key(1), 1);
  }
  loop.run();
  EXPECT_EQ(valid, 8);
  EXPECT_EQ(backend.batches, 2);
  EXPECT_FALSE(backend.mixed_keys);
  EXPECT_EQ(counts.together, 8U);
}

TEST_F(BatchSignerTest, AKeyThatTheBackendDoesNotTakeIsSignedByOpenSsl) {
  backend.takes_keys = false;
  asio::io_context loop{1};
  spawn(loop, first_key, 8);
  loop.run();
  EXPECT_EQ(valid, 8);
  EXPECT_EQ(counts.alone, 8U);
}

TEST_F(BatchSignerTest, ABackendThatBreaksLeavesTheWorkToOpenSsl) {
  backend.throws = true;
  asio::io_context loop{1};
  spawn(loop, first_key, 8);
  loop.run();
  EXPECT_EQ(valid, 8);
  EXPECT_EQ(counts.alone, 8U);
}

TEST_F(BatchSignerTest, WhoIsSuspendedWhenALoopEndsGoesWithItAndHoldsUpNobody) {
  const auto alive = std::make_shared<int>(0);
  std::optional<asio::io_context> ends(std::in_place, 1);
  for (int i = 0; i < 5; ++i) asio::co_spawn(*ends, hold(alive), asio::detached);
  for (int i = 0; i < 5; ++i) ends->run_one();
  EXPECT_EQ(alive.use_count(), 6);
  ends.reset();
  EXPECT_EQ(alive.use_count(), 1) << "their frames are gone";

  asio::io_context stays{1};
  spawn(stays, first_key, 3);
  stays.run();
  EXPECT_EQ(valid, 3);
  EXPECT_EQ(counts.together, 3U) << "and nothing of the others' was computed";
}

TEST_F(BatchSignerTest, WhatWasMadeForALoopThatEndsIsDropped) {
  std::optional<asio::io_context> ends(std::in_place, 1);
  spawn_and_enqueue(*ends, first_key, 5);
  asio::io_context stays{1};
  spawn(stays, first_key, 3);
  stays.run();
  ends.reset();
  EXPECT_EQ(valid, 3);
}

}  // namespace
}  // namespace grantd::keys
