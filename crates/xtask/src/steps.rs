//! A sequence of named steps: run in order, timed, and summed up in a table at the end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// How a step that was able to run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// It did what its name says.
    Passed,
    /// It was left out, for this reason.
    LeftOut(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done(Done),
    Failed(String),
    NotReached,
}

#[derive(Debug)]
struct Row {
    name: String,
    outcome: Outcome,
    took: Duration,
}

/// Runs steps one after another and remembers how each ended.
#[derive(Debug)]
pub(crate) struct Steps {
    keep_going: bool,
    stopped: bool,
    rows: Vec<Row>,
}

impl Steps {
    /// No steps yet. With `keep_going` the steps after a failed one run all the same.
    pub(crate) fn new(keep_going: bool) -> Self {
        Self { keep_going, stopped: false, rows: Vec::new() }
    }

    /// Runs one step, unless an earlier one failed.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> Result<()>) {
        self.optional(name, || run().map(|()| Done::Passed));
    }

    /// Runs one step that may find that it cannot be done here.
    pub(crate) fn optional(&mut self, name: &str, run: impl FnOnce() -> Result<Done>) {
        if self.stopped {
            self.push(name, Outcome::NotReached, Duration::ZERO);
            return;
        }
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = match run() {
            Ok(done) => Outcome::Done(done),
            Err(failure) => Outcome::Failed(failure.to_string()),
        };
        match &outcome {
            Outcome::Failed(text) => {
                eprintln!("{text}");
                self.stopped = !self.keep_going;
            }
            Outcome::Done(Done::LeftOut(reason)) => println!("left out: {reason}"),
            _ => {}
        }
        self.push(name, outcome, started.elapsed());
    }

    fn push(&mut self, name: &str, outcome: Outcome, took: Duration) {
        self.rows.push(Row { name: name.to_owned(), outcome, took });
    }

    /// Prints the table; fails if a step did.
    pub(crate) fn finish(self) -> Result<()> {
        println!("\n{}", self.table());
        let failed: Vec<&str> = self
            .rows
            .iter()
            .filter(|row| matches!(row.outcome, Outcome::Failed(_)))
            .map(|row| row.name.as_str())
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("failed: {}", failed.join(", "))))
    }

    fn table(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.len()).max();
        let width = width.unwrap_or(0).max("total".len());
        let mut table = String::new();
        for row in &self.rows {
            let (word, because) = match &row.outcome {
                Outcome::Done(Done::Passed) => ("passed", ""),
                Outcome::Done(Done::LeftOut(reason)) => ("left out", reason.as_str()),
                Outcome::Failed(text) => ("FAILED", text.lines().next().unwrap_or_default()),
                Outcome::NotReached => ("not reached", ""),
            };
            let line =
                format!("{:width$}  {word:11}  {:>8.1} s  {because}", row.name, row.took.as_secs_f64());
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{}", line.trim_end());
        }
        let total: Duration = self.rows.iter().map(|row| row.took).sum();
        let _ = write!(table, "{:width$}  {:11}  {:>8.1} s", "total", "", total.as_secs_f64());
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Result<()> {
        Err(Failure::new("the sky fell\nin pieces"))
    }

    #[test]
    fn steps_after_a_failed_one_are_not_run() {
        let mut steps = Steps::new(false);
        steps.step("first", fails);
        steps.step("second", || panic!("must not run"));
        let table = steps.table();
        assert!(table.contains("second  not reached"), "{table}");
        assert!(steps.finish().is_err());
    }

    #[test]
    fn keep_going_runs_them_all_and_still_fails() {
        let mut steps = Steps::new(true);
        let mut ran = false;
        steps.step("first", fails);
        steps.step("second", || {
            ran = true;
            Ok(())
        });
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: first");
        assert!(ran);
    }

    #[test]
    fn the_table_says_why_a_step_failed_or_was_left_out() {
        let mut steps = Steps::new(true);
        steps.step("a", fails);
        steps.optional("b", || Ok(Done::LeftOut("no such tool".to_owned())));
        let table = steps.table();
        assert!(table.contains("FAILED"), "{table}");
        assert!(table.contains("the sky fell"), "{table}");
        assert!(!table.contains("in pieces"), "{table}");
        assert!(table.contains("no such tool"), "{table}");
        assert!(table.contains("total"), "{table}");
    }

    #[test]
    fn steps_that_were_left_out_do_not_fail_the_run() {
        let mut steps = Steps::new(false);
        steps.optional("a", || Ok(Done::LeftOut("no such tool".to_owned())));
        assert!(steps.finish().is_ok());
    }
}
