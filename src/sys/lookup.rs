//! How names of hosts become addresses.

use std::ffi::{c_char, c_int};
use std::sync::Once;

unsafe extern "C" {
    /// nss.h of the GNU C library, since 2.0.
    fn __nss_configure_lookup(database: *const c_char, line: *const c_char) -> c_int;
}

/// Has getaddrinfo(3) read /etc/hosts and ask the name servers, whatever /etc/nsswitch.conf says.
///
/// The program is static, and the libraries that other services of nsswitch.conf(5) name are
/// made for the C library of the machine: one of another version crashes. What these two need is in
/// the C library since 2.34. systemd-resolved answers as a name server as well.
pub fn look_names_up_by_files_and_dns() {
    static ONCE: Once = Once::new();
    // SAFETY: both are literals with a NUL at their end, which the library keeps no pointer to
    // beyond the call; it takes its own lock against other threads that look names up.
    ONCE.call_once(|| unsafe {
        // It fails without memory, or for a database that does not exist: then the lookup is
        // what it would have been.
        __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr());
    });
}
