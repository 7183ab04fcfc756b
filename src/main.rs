//! The `forebay` binary: parses arguments and hands over.

fn main() {}
