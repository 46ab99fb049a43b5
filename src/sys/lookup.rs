//! How names of hosts become addresses, and numbers of users their homes.
//!
//! The program is static, and the libraries that services of nsswitch.conf(5) name are made for the C
//! library of the machine: one of another version crashes. What is asked here is in the C library
//! since 2.34, and nothing else is.

use std::ffi::{CStr, c_char, c_int};

unsafe extern "C" {
    /// nss.h of the GNU C library, since 2.0.
    fn __nss_configure_lookup(database: *const c_char, line: *const c_char) -> c_int;
}

/// Has getaddrinfo(3) read /etc/hosts and ask the name servers, whatever /etc/nsswitch.conf says.
/// systemd-resolved answers as a name server as well.
pub fn look_names_up_by_files_and_dns() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| configure(c"hosts", c"files dns"));
}

/// Has getpwuid(3) read /etc/passwd alone. Only to be called while there is one thread.
pub fn look_users_up_by_files() {
    configure(c"passwd", c"files");
}

fn configure(database: &'static CStr, services: &'static CStr) {
    // SAFETY: both end with a NUL, and the library keeps no pointer to them beyond the call; it
    // takes its own lock against other threads that look something up.
    unsafe {
        // It fails without memory, or for a database that does not exist: then the lookup is
        // what it would have been.
        __nss_configure_lookup(database.as_ptr(), services.as_ptr());
    }
}
