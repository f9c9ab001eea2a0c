#include "server/http/tls/wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>

namespace grantd::http::tls {
namespace {

class TlsWire : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    ours = ends[0];
    peer = ends[1];
  }
  void TearDown() override {
    close(ours);
    if (peer >= 0) close(peer);
  }

  void send(const std::string& octets) const {
    ASSERT_EQ(::send(peer, octets.data(), octets.size(), 0), static_cast<ssize_t>(octets.size()));
  }
  /// What one read brings; "again" and "end" where it brings nothing.
  static std::string read(Wire& wire, std::size_t bytes) {
    std::string into(bytes, '\0');
    bool again = false;
    const int got = wire.read(into, again);
    if (again) return "again";
    if (got == 0) return "end";
    into.resize(static_cast<std::size_t>(got));
    return into;
  }

  int ours{-1};
  int peer{-1};
};

TEST_F(TlsWire, OneCallBringsAllThatHasComeAndSaysThatItWasAll) {
  Wire wire(ours);
  send("headrest");

  EXPECT_EQ(read(wire, 4), "head");
  EXPECT_FALSE(wire.empty());
  EXPECT_EQ(read(wire, 10), "rest");
  EXPECT_TRUE(wire.empty());
  send("later");
  EXPECT_EQ(read(wire, 10), "again");  // until somebody has waited for it
}

TEST_F(TlsWire, GoesOnWithWhatWasReceivedForIt) {
  Wire wire(ours);
  EXPECT_EQ(read(wire, 4), "again");
  send("octets");
  const auto got = ::recv(ours, wire.room().data(), wire.room().size(), 0);
  ASSERT_EQ(got, 6);
  wire.received(static_cast<std::size_t>(got));

  EXPECT_EQ(read(wire, 10), "octets");
  EXPECT_EQ(read(wire, 10), "again");
}

TEST_F(TlsWire, ReadsPastItsBufferWhereMoreIsAskedFor) {
  Wire wire(ours);
  const std::string much = std::string(Wire::buffer_bytes, 'a') + std::string(3000, 'b');
  send(much);

  std::string whole = read(wire, 5);
  for (std::string part; (part = read(wire, 4000)) != "again";) whole += part;
  EXPECT_EQ(whole, much);
}

TEST_F(TlsWire, WhatCameBeforeTheEndIsReadFirst) {
  Wire wire(ours);
  send("last");
  close(std::exchange(peer, -1));
  EXPECT_EQ(read(wire, 10), "last");
  EXPECT_FALSE(wire.ended());
  wire.received(0);  // what a receive says next

  EXPECT_TRUE(wire.ended());
  EXPECT_EQ(read(wire, 10), "end");
  EXPECT_EQ(read(wire, 10), "end");
}

TEST_F(TlsWire, WritingToAPeerThatIsGoneFailsWithoutASignal) {
  const auto before = std::signal(SIGPIPE, SIG_DFL);
  const Wire wire(ours);
  close(std::exchange(peer, -1));
  bool again = true;

  EXPECT_EQ(wire.write(std::string("octets"), again), -1);
  EXPECT_FALSE(again);
  std::signal(SIGPIPE, before);
}

TEST_F(TlsWire, WritingMoreThanThePeerTakesIsDoneInParts) {
  const Wire wire(ours);
  const std::string much(8UL * 1024 * 1024, 'x');
  bool again = false;
  const int first = wire.write(much, again);
  EXPECT_GT(first, 0);
  EXPECT_LT(static_cast<std::size_t>(first), much.size());
  EXPECT_EQ(wire.write(much, again), -1);
  EXPECT_TRUE(again);
}

}  // namespace
}  // namespace grantd::http::tls
