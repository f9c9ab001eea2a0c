#include "server/http/response_writer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace grantd::http {
namespace {

/// Empty for a status that nothing here answers with: the phrase is optional (RFC 9112 §4).
std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

bool is_control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7f;
}

/// `value` holds no control characters.
void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_cleaned(std::string& out, const Header& header) {
  const std::size_t begin = out.size() + header.name.size() + 2;
  append_header(out, header.name, header.value);
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end() - 2, is_control, ' ');
}

void append_two_digits(std::string& out, unsigned value) {
  out += static_cast<char>('0' + value / 10 % 10);
  out += static_cast<char>('0' + value % 10);
}

}  // namespace

bool has_content(const Response& response) {
  return response.status != 204 && response.status != 304;
}

void append_head(std::string& out, const Response& response, const Envelope& envelope) {
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  append_header(out, "Date", envelope.date);
  if (has_content(response)) {
    append_header(out, "Content-Type", response.content_type);
    append_header(out, "Content-Length", std::to_string(response.content().size()));
  }
  append_header(out, "X-Request-Id", envelope.request_id);
  for (const Header& header : response.headers) append_cleaned(out, header);
  if (!envelope.keep_alive) {
    append_header(out, "Connection", "close");
  } else if (envelope.http_1_0) {
    append_header(out, "Connection", "keep-alive");
  }
  out += "\r\n";
}

std::string imf_date(sys_seconds t) {
  static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed",
                                                        "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> months{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(t - day);
  std::string out(days.at(std::chrono::weekday(day).c_encoding()));
  out += ", ";
  append_two_digits(out, static_cast<unsigned>(date.day()));
  out += ' ';
  out += months.at(static_cast<unsigned>(date.month()) - 1);
  out += ' ';
  out += std::to_string(static_cast<int>(date.year()));
  out += ' ';
  append_two_digits(out, static_cast<unsigned>(time.hours().count()));
  out += ':';
  append_two_digits(out, static_cast<unsigned>(time.minutes().count()));
  out += ':';
  append_two_digits(out, static_cast<unsigned>(time.seconds().count()));
  out += " GMT";
  return out;
}

}  // namespace grantd::http
