#include "server/cli/output.h"

#include <algorithm>
#include <iostream>
#include <vector>

#include "server/base/text.h"

namespace grantd::cli {
namespace {

constexpr std::size_t gap = 2;
constexpr std::string_view absent = "-";

using Row = std::vector<std::string>;

std::string cell(const Document& value) {
  if (value.is_null()) return std::string(absent);
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? std::string(absent) : harmless(text);
  }
  if (!value.is_array()) {
    return harmless(value.dump(-1, ' ', false, Document::error_handler_t::replace));
  }
  std::string text;
  for (const auto& element : value) text += (text.empty() ? "" : " ") + cell(element);
  return text.empty() ? std::string(absent) : text;
}

/// In code points, which is near enough to what a terminal shows.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string align(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + gap, ' ');
    }
    text += '\n';
  }
  return text;
}

/// One level of objects within is shown as "outer.inner".
void add_fields(const Document& object, const std::string& prefix, std::vector<Row>& rows) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_object() && prefix.empty()) {
      add_fields(value, harmless(name) + '.', rows);
    } else {
      rows.push_back({prefix + harmless(name), cell(value)});
    }
  }
}

}  // namespace

std::string harmless(std::string_view text) {
  const bool plain =
      is_utf8(text) && std::ranges::none_of(text, [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet < 0x20 || octet == 0x7f || octet == 0xc2;  // 0xc2 leads the C1 controls
      });
  if (plain) return std::string(text);
  std::string escaped;
  append_json_escaped(escaped, text);
  return escaped;
}

std::string render_for_people(const Document& document, const std::vector<std::string>& columns) {
  std::vector<Row> rows;
  if (!document.is_array()) {
    add_fields(document, "", rows);
    return align(rows);
  }
  rows.push_back(columns);
  for (const auto& element : document) {
    Row row;
    for (const auto& column : columns) row.push_back(cell(element.at(column)));
    rows.push_back(std::move(row));
  }
  return align(rows);
}

std::string render_json(const Document& document) {
  return document.dump(2, ' ', false, Document::error_handler_t::replace) + '\n';
}

void print(const Invocation& invocation, const Document& object) {
  std::cout << (invocation.json ? render_json(object) : render_for_people(object, {}));
}

void print_rows(const Invocation& invocation, const std::vector<std::string>& columns,
                const Document& rows) {
  std::cout << (invocation.json ? render_json(rows) : render_for_people(rows, columns));
}

Document time_or_null(const std::optional<sys_seconds>& time) {
  if (!time) return nullptr;
  return rfc3339(*time);
}

}  // namespace grantd::cli
