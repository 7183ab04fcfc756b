//! `forebay man`: manual pages, one of the whole and one per command, for packagers.

use std::path::Path;

use clap::CommandFactory;

use super::{Arguments, Failure, print};

/// Prints the page of the whole, or writes every page into a folder that exists.
pub(super) fn run(folder: Option<&Path>) -> Result<(), Failure> {
    // Pages of `help` and its commands would say nothing that the others do not.
    let command = Arguments::command().disable_help_subcommand(true);
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::Failed(format!("the manual page: {error}")))?;
        return print(&String::from_utf8_lossy(&page));
    };
    clap_mangen::generate_to(command, folder)
        .map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))
}
