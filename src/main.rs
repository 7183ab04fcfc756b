//! The `forebay` binary: parses arguments and hands over to [`forebay::cli`].

fn main() -> std::process::ExitCode {
    forebay::cli::main()
}
