//! The binary's commands.

use std::path::PathBuf;
use std::process::{Command, Output};

/// The binary under test: cargo's, or the one that `FOREBAY_TEST_BINARY` names (of another machine, see `cross/test`).
pub fn binary() -> PathBuf {
    std::env::var_os("FOREBAY_TEST_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_forebay").into(), PathBuf::from)
}

/// The binary with these arguments, and nothing of the caller's environment that it would heed.
pub fn forebay(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("FOREBAY_") || name.starts_with("AWS_"))
    {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// Runs a command to its end.
pub fn output(arguments: &[&str]) -> Output {
    forebay(arguments).output().unwrap()
}

/// What a finished command printed and how it ended.
pub fn said(output: &Output) -> (i32, String, String) {
    (
        output.status.code().expect("it ended by itself"),
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap(),
    )
}
