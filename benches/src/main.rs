//! tachograph beside its peers and beside the floors of the machine, in one run.
//!
//! Prints a table per question (medians, with ratios to the floors and to the fastest peer) and, at
//! the end, which of the project's bars this run met. It never fails because of a figure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tables and help are what this program is for")]

mod alloc;
mod bars;
mod contenders;
mod copy;
mod groups;
mod harness;
mod pair;
mod sets;

use std::process::ExitCode;

use bars::Bars;
use harness::Effort;

const HELP: &str = "\
Measures tachograph beside its peers.

  cargo run --profile bench -p tachograph-benches -- [--quick] [FILTER]...

  FILTER              only groups whose name contains one of these
  --quick             one short iteration of everything: shows that it runs; its figures mean nothing
  --list              names the groups and the loops that --callgrind can run
  --callgrind NAME N  runs the loop NAME (group/contender) N times and prints nothing, so that an
                      instruction counter can count: set-up is counted too, so take two values of N
                      and divide the difference:
                        valgrind --tool=callgrind target/release/tachograph-benches --callgrind NAME 100000
";

fn main() -> ExitCode {
    let mut effort = Effort::full();
    let mut filters = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => effort = Effort::quick(),
            "--list" => return list(),
            "--callgrind" => return callgrind(arguments.next(), arguments.next()),
            // Not in the help: groups whose contenders are processes start this program so.
            "--serve" => {
                let label = arguments.next().unwrap_or_default();
                let served = groups::otlp::serve(&label)
                    || groups::tracing::serve(&label)
                    || groups::tasks::serve(&label);
                return if served { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            }
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            option if option.starts_with('-') => {
                eprintln!("There is no option {option}.\n\n{HELP}");
                return ExitCode::FAILURE;
            }
            filter => filters.push(filter.to_owned()),
        }
    }
    let mut bars = Bars::default();
    for group in &groups::ALL {
        if filters.is_empty() || filters.iter().any(|filter| group.name.contains(filter.as_str())) {
            println!("\n## {}", group.name);
            (group.run)(effort, &mut bars);
        }
    }
    bars.print(effort.quick);
    if effort.quick {
        println!("\nThis was a quick run: everything ran once, and the figures above are meaningless.");
    }
    ExitCode::SUCCESS
}

fn list() -> ExitCode {
    for group in &groups::ALL {
        println!("{}", group.name);
        for contender in (group.contenders)() {
            println!("  {}/{}", group.name, contender.name);
        }
    }
    ExitCode::SUCCESS
}

fn callgrind(name: Option<String>, n: Option<String>) -> ExitCode {
    let (Some(name), Some(n)) = (name, n.and_then(|n| n.parse::<usize>().ok())) else {
        eprintln!("--callgrind needs the name of a loop (see --list) and a number.\n\n{HELP}");
        return ExitCode::FAILURE;
    };
    for group in &groups::ALL {
        let Some(loop_name) = name.strip_prefix(group.name).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        for mut contender in (group.contenders)() {
            if contender.name == loop_name {
                contender.run(n);
                return ExitCode::SUCCESS;
            }
        }
    }
    eprintln!("There is no loop {name:?}; --list names them.");
    ExitCode::FAILURE
}
