"""What both services share: settings, keys, the revocation feed, checking and getting tokens, TLS."""
