//! `forebay completions`: what a shell needs to complete the commands, for packagers.

use clap::{CommandFactory, ValueEnum};

use super::{Arguments, Failure, print};

/// The shells that people have on a gateway.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// Prints the shell's script.
pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "forebay", &mut script);
    print(&String::from_utf8_lossy(&script))
}
