/// Memory that held a secret, overwritten before it is given back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace grantd {

/// Overwrites all of the string's capacity, then empties it. Not optimised away.
void cleanse(std::string& text) noexcept;

/// A secret in memory: never printed, never copied by accident, cleansed when it goes.
class SecretString {
 public:
  SecretString() = default;
  /// Takes the text over; `text` is cleansed where moving left a copy (short strings).
  explicit SecretString(std::string&& text) : text_(text) { cleanse(text); }
  explicit SecretString(std::string_view text) : text_(text) {}
  SecretString(SecretString&& other) noexcept : text_(std::move(other.text_)) {
    cleanse(other.text_);
  }
  SecretString& operator=(SecretString&& other) noexcept {
    if (this != &other) {
      cleanse(text_);
      text_ = std::move(other.text_);
      cleanse(other.text_);
    }
    return *this;
  }
  SecretString(const SecretString&) = delete;
  SecretString& operator=(const SecretString&) = delete;
  ~SecretString() { cleanse(text_); }

  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace grantd
