#include "server/observe/log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "server/observe/line.h"
#include "tests/unit/observe/stdout_pipe.h"

namespace grantd::observe {
namespace {

using namespace std::chrono_literals;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return WallTime(1'769'860'800'042ms); }
  [[nodiscard]] SteadyTime steady() const override { return {}; }
};

constexpr RequestLine refused_request{.request_id = "r1",
                                      .peer = "192.0.2.7:4711",
                                      .endpoint = "token",
                                      .client_id = "billing",
                                      .status = 401,
                                      .error = "invalid_client",
                                      .reason = "wrong_secret",
                                      .duration_us = 1234};

const FixedClock fixed_clock;

/// What arrives on stdout from a log that `use` is called with.
template <typename Use>
std::string logged(Level level, Format format, Use use) {
  const StdoutPipe out;
  {
    Log log(fixed_clock, level, format);
    use(log);
  }
  return out.read();
}

template <typename Use>
std::string logged_json(Use use) {
  return logged(Level::info, Format::json, use);
}

template <typename Use>
std::string logged_text(Use use) {
  return logged(Level::info, Format::text, use);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(JsonLog, WritesOneObjectForARequestWithItsKeysInOrder) {
  EXPECT_EQ(logged_json([](Log& log) { log.request(refused_request); }),
            R"({"time":"2026-01-31T12:00:00.042Z","level":"info","event":"request",)"
            R"("request_id":"r1","peer":"192.0.2.7:4711","endpoint":"token",)"
            R"("client_id":"billing","status":401,"error":"invalid_client",)"
            R"("reason":"wrong_secret","duration_us":1234})"
            "\n");
}

TEST(JsonLog, LeavesOutWhatARequestHasNot) {
  EXPECT_EQ(logged_json([](Log& log) {
              log.request({.request_id = "r2", .peer = "::1", .endpoint = "jwks", .status = 200});
            }),
            R"({"time":"2026-01-31T12:00:00.042Z","level":"info","event":"request",)"
            R"("request_id":"r2","peer":"::1","endpoint":"jwks","status":200,"duration_us":0})"
            "\n");
}

TEST(JsonLog, WritesAnEventWithItsFields) {
  EXPECT_EQ(logged_json([](Log& log) {
              log.event(Level::warn, "reload", {{"path", "a b"}, {"count", -3}, {"ok", false}});
            }),
            R"({"time":"2026-01-31T12:00:00.042Z","level":"warn","event":"reload",)"
            R"("path":"a b","count":-3,"ok":false})"
            "\n");
}

TEST(JsonLog, KeepsAPeersBytesWithinTheirLineAndTheirValue) {
  const std::string evil = "x\"}\n{\"level\":\"error\"\x1B[2J\xFF\xC2\x9B";
  const auto text = logged_json([&](Log& log) {
    RequestLine line = refused_request;
    line.client_id = evil;
    log.request(line);
  });
  const auto lines = lines_of(text);
  ASSERT_EQ(lines.size(), 1U);
  const auto json = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["client_id"], "x\"}\n{\"level\":\"error\"\x1B[2J\xEF\xBF\xBD\xC2\x9B");
  EXPECT_EQ(text.find('\x1B'), std::string::npos);
}

TEST(JsonLog, CutsALineThatIsTooLongAndSaysSo) {
  for (const std::string& unit : {std::string("a"), std::string("\n"), std::string("\xFF"),
                                  std::string("\xE2\x82\xAC"), std::string("\xF0\x9F\x94\x91")}) {
    std::string value;
    while (value.size() < 3 * max_line_bytes) value += unit;
    const auto text = logged_json(
        [&](Log& log) { log.event(Level::info, "long", {{"value", value}, {"after", "b"}}); });
    EXPECT_LE(text.size(), max_line_bytes);
    EXPECT_GT(text.size(), max_line_bytes / 3);
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(json["truncated"], true);
    EXPECT_EQ(json["value"].get<std::string>().substr(0, 1),
              unit == "\xFF" ? "\xEF" : unit.substr(0, 1));
  }
}

TEST(JsonLog, DoesNotCutWithinACharacter) {
  std::string value = "a";
  while (value.size() < max_line_bytes) value += "\xE2\x82\xAC";
  const auto text =
      logged_json([&](Log& log) { log.event(Level::info, "long", {{"value", value}}); });
  EXPECT_EQ(text.find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(JsonLog, SpendsNoMoreThanItsLimitOnManyFields) {
  const std::string kilobyte(1024, 'k');
  const auto text = logged_json([&](Log& log) {
    log.event(Level::info, "many",
              {{"a", kilobyte}, {"b", kilobyte}, {"c", kilobyte}, {"d", kilobyte}, {"e", 1}});
  });
  EXPECT_LE(text.size(), max_line_bytes);
  EXPECT_EQ(nlohmann::json::parse(text)["truncated"], true);
}

TEST(TextLog, WritesALineForPeople) {
  EXPECT_EQ(logged_text([](Log& log) {
              log.request(refused_request);
              log.event(Level::error, "reload_failed", {{"count", 2}, {"applied", true}});
            }),
            "2026-01-31T12:00:00.042Z INFO  request request_id=r1 peer=192.0.2.7:4711 "
            "endpoint=token client_id=billing status=401 error=invalid_client "
            "reason=wrong_secret duration_us=1234\n"
            "2026-01-31T12:00:00.042Z ERROR reload_failed count=2 applied=true\n");
}

TEST(TextLog, QuotesAndEscapesWhereAValueCouldBeMisread) {
  EXPECT_EQ(logged_text([](Log& log) {
              log.event(Level::debug, "hidden");
              log.event(Level::warn, "e",
                        {{"a", "two words"}, {"b", ""}, {"c", "k=v"}, {"d", "q\"\\\n\x1B"}});
            }),
            "2026-01-31T12:00:00.042Z WARN  e a=\"two words\" b=\"\" c=\"k=v\" "
            R"(d="q\"\\\u000a\u001b")"
            "\n");
}

TEST(TextLog, CutsALineThatIsTooLongAndSaysSo) {
  const std::string value(2 * max_line_bytes, 'a');
  const auto text =
      logged_text([&](Log& log) { log.event(Level::info, "long", {{"value", value}}); });
  EXPECT_LE(text.size(), max_line_bytes);
  EXPECT_TRUE(text.ends_with("\" truncated=true\n"));
}

TEST(LogLevel, LeavesOutWhatLiesBelowIt) {
  const auto text = logged(Level::error, Format::text, [](Log& log) {
    log.event(Level::warn, "below");
    log.request(refused_request);
    log.event(Level::error, "fault");
  });
  const auto lines = lines_of(text);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].ends_with(" fault"));
}

TEST(LogLevel, OfARequestThatTheServerFailedIsError) {
  RequestLine line = refused_request;
  line.status = 503;
  const auto text = logged(Level::error, Format::json, [&](Log& log) { log.request(line); });
  EXPECT_EQ(nlohmann::json::parse(text)["level"], "error");
}

TEST(LogLevel, ChangesForLinesFromThenOn) {
  const auto text = logged(Level::info, Format::text, [](Log& log) {
    log.event(Level::debug, "before");
    log.set_level(Level::debug);
    log.event(Level::debug, "after");
  });
  ASSERT_EQ(lines_of(text).size(), 1U);
  EXPECT_TRUE(text.ends_with("after\n"));
}

TEST(LogOnStdout, FlushWaitsUntilWhatWasLoggedIsThere) {
  std::string text;
  {
    const StdoutPipe out;
    Log log(fixed_clock, Level::info, Format::json);
    for (int i = 0; i < 100; ++i) log.event(Level::info, "tick", {{"i", i}});
    log.flush();
    text = out.read();
  }
  EXPECT_EQ(lines_of(text).size(), 100U);
}

TEST(LogOnStdout, KeepsLinesOfManyThreadsWhole) {
  constexpr int threads = 4;
  constexpr int lines_each = 50;
  const auto text = logged_json([](Log& log) {
    std::vector<std::jthread> writers;
    for (int i = 0; i < threads; ++i) {
      writers.emplace_back([&log] {
        for (int line = 0; line < lines_each; ++line) log.request(refused_request);
      });
    }
  });
  const auto lines = lines_of(text);
  EXPECT_EQ(lines.size(), threads * lines_each);
  for (const auto& line : lines) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
}

TEST(LogOnStdout, ThatNobodyReadsDropsAndCountsAndHoldsNobodyUp) {
  constexpr std::uint64_t queue_lines = 16;
  constexpr std::uint64_t posted = 2000;
  std::uint64_t dropped = 0;
  std::string text;
  {
    StdoutPipe out;
    out.stall();
    Log log(fixed_clock, Level::info, Format::json, queue_lines);
    for (std::uint64_t i = 0; i < posted; ++i) log.request(refused_request);
    log.flush();
    dropped = log.dropped();
    (void)out.read();
    log.flush();
    text = out.read();
  }
  // What is not dropped was in the queue: the log's thread takes nothing that stdout cannot take.
  EXPECT_EQ(dropped, posted - queue_lines);
  const auto lines = lines_of(text);
  EXPECT_EQ(lines.size() + dropped, posted);
  for (const auto& line : lines) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
}

TEST(LogOnStdout, ThatNobodyReadsDoesNotKeepTheProcessFromEnding) {
  std::string text;
  {
    StdoutPipe out;
    out.stall();
    {
      Log log(fixed_clock, Level::info, Format::json, 16);
      for (int i = 0; i < 100; ++i) log.request(refused_request);
    }
    text = out.read();
  }
  // Reached at all, and nothing was forced into the pipe.
  EXPECT_EQ(text.find_first_not_of('-'), std::string::npos);
}

TEST(LogOnStdout, WhoseReaderWentAwayCountsTheLineAndLivesOn) {
  std::uint64_t dropped = 0;
  {
    StdoutPipe out;
    out.close_reader();
    Log log(fixed_clock, Level::info, Format::json);
    log.event(Level::info, "unheard");
    log.flush();
    dropped = log.dropped();
  }
  EXPECT_EQ(dropped, 1U);
}

}  // namespace
}  // namespace grantd::observe
