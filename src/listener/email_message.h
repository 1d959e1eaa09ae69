#pragma once

#include "listener/delivery.h"

#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dashboard_diff::listener {

// Not an address that could be put into a header or command; what() is a short reason.
class AddressError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// From whom mails are.
struct EmailSender {
    std::string address;
    std::string name;        // may be empty
    std::string unsubscribe; // a mailto: or https: URL; may be empty
};

// A mail as of RFC 5322, with a plain and an HTML part. Its Message-ID is the same in every
// attempt. Throws AddressError.
std::string email_message(const Delivery& delivery, const EmailSender& sender, std::time_t now);

// A header's unstructured text: as it is if it is short ASCII, else as encoded words (RFC 2047).
std::string encoded_header(std::string_view text);

} // namespace dashboard_diff::listener
