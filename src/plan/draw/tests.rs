//! Plans of hand-written hosts.
