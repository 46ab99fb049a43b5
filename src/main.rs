//! The `jail` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    jail::cli::main()
}
