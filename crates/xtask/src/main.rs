//! The workspace's own tasks: `cargo xtask <command>`.
//!
//! `test` needs nothing but cargo. `ci` is what a change must pass: it wants the tools that
//! `setup` installs and the real servers that `peers` provisions. `check` is the part of both that
//! looks at how the workspace is built up rather than at what it does.

// A terminal is where the xtask speaks.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod check;
mod ci;
mod command;
mod failure;
mod peers;
mod setup;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Result;
use crate::workspace::Workspace;

/// The workspace's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run everything that needs nothing but cargo: tests, doctests, structural checks.
    Test,
    /// Check crate arrows, module cycles, file sizes, manifests, unsafe code and words.
    Check,
    /// Provision the real servers that tests run against into target/peers (cached).
    Peers,
    /// Install the tools that `ci` needs and that are missing, into target/tools.
    Setup {
        /// Those of `ci --full` as well.
        #[arg(long)]
        full: bool,
    },
    /// Run all that a change must pass.
    Ci {
        /// Feature combinations, sanitizers, fuzzing, Miri, foreign targets and one iteration of the
        /// benches as well.
        #[arg(long)]
        full: bool,
        /// Run the remaining steps after one has failed.
        #[arg(long)]
        keep_going: bool,
    },
    /// Measure this workspace beside its peers, in one run.
    Bench {
        /// One short iteration of everything: shows that it runs, measures nothing.
        #[arg(long)]
        quick: bool,
        /// Only the benches whose name contains this.
        filter: Option<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let workspace = Workspace::load()?;
    match task {
        Task::Test => test::run(&workspace),
        Task::Check => check::run(&workspace),
        Task::Peers => peers::run(&workspace),
        Task::Setup { full } => setup::run(&workspace, full),
        Task::Ci { full, keep_going } => ci::run(&workspace, full, keep_going),
        Task::Bench { quick, filter } => bench::run(&workspace, quick, filter.as_deref()),
    }
}
