#include "server/http/framing.h"

#include <gtest/gtest.h>

#include <string>

namespace grantd::http {
namespace {

using Verdict = HeadScanner::Verdict;

Verdict scan(std::string_view head) {
  HeadScanner scanner;
  return scanner.scan(head);
}

TEST(Rfc9112HeadScanner, EndsWithTheEmptyLineAndCountsNoOctetBehindIt) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadScanner scanner;

  EXPECT_EQ(scanner.scan(head + "GET /next"), Verdict::complete);
  EXPECT_EQ(scanner.size(), head.size());
}

TEST(Rfc9112HeadScanner, FindsTheSameEndOctetByOctet) {
  const std::string head = "POST /token HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\ty\r\n\r\n";
  HeadScanner scanner;

  for (std::size_t i = 0; i + 1 < head.size(); ++i) {
    ASSERT_EQ(scanner.scan(std::string_view(head).substr(i, 1)), Verdict::more) << i;
  }
  EXPECT_EQ(scanner.scan(head.substr(head.size() - 1)), Verdict::complete);
}

TEST(Rfc9112HeadScanner, RefusesWhatAnotherRecipientCouldReadInAnotherWay) {
  EXPECT_EQ(scan("GET / HTTP/1.1\nHost: a\r\n\r\n"), Verdict::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nHost: a\n\n"), Verdict::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), Verdict::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), Verdict::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"), Verdict::malformed);
  EXPECT_EQ(scan("\r\nGET / HTTP/1.1\r\n\r\n"), Verdict::malformed);
  EXPECT_EQ(scan("GET /\xc3\xa9 HTTP/1.1\r\n"), Verdict::malformed);
  EXPECT_EQ(scan("GET /\t HTTP/1.1\r\n"), Verdict::malformed);
  EXPECT_EQ(scan(std::string("GET / HTTP/1.1\r\nX: \0\r\n\r\n", 25)), Verdict::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nX: \x7f\r\n\r\n"), Verdict::malformed);
  EXPECT_EQ(scan("\x16\x03\x01"), Verdict::malformed);
}

TEST(Rfc9112Target, OriginFormIsSplitAtTheFirstQuestionMark) {
  const auto target = split_target("/token?a=1?b");

  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/token");
  EXPECT_EQ(target->query, "a=1?b");
}

TEST(Rfc9112Target, AbsoluteFormGivesItsPath) {
  EXPECT_EQ(split_target("https://auth.example:8443/token?x")->path, "/token");
  EXPECT_EQ(split_target("https://auth.example:8443/token?x")->query, "x");
  EXPECT_EQ(split_target("HTTP://auth.example")->path, "/");
  EXPECT_EQ(split_target("http://[::1]?q")->path, "/");
  EXPECT_EQ(split_target("http://[::1]?q")->query, "q");
}

TEST(Rfc9112Target, AnythingElseIsRefused) {
  for (const char* target : {"", "token", "*", "example.com:443", "ftp://a/b", "https:///token",
                             "https://user@host/x", "/a#b", "/a b", "/\x01", "/\xc3\xa9"}) {
    EXPECT_FALSE(split_target(target)) << target;
  }
}

TEST(Rfc9110Host, NamesAndAddressesWithAndWithoutPort) {
  for (const char* host : {"a", "auth.example.com", "auth.example.com:8443", "127.0.0.1:1", "[::1]",
                           "[2001:db8::1]:443", "a:"}) {
    EXPECT_TRUE(valid_host(host)) << host;
  }
}

TEST(Rfc9110Host, WhatIsNoHostIsRefused) {
  for (const char* host : {"", ":443", "a b", "a/b", "a@b", "a:b", "a:123456", "[", "[]", "[::1",
                           "[::1]x", "[xyz]", "a\"b"}) {
    EXPECT_FALSE(valid_host(host)) << host;
  }
  EXPECT_FALSE(valid_host(std::string(300, 'a')));
}

}  // namespace
}  // namespace grantd::http
