//! Contenders that have to be processes of their own: copies of this program, which answer line by line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A copy of this program, which ends with this value.
pub(crate) struct Copy {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Copy {
    /// Starts a copy, and tells it what it is to be.
    pub(crate) fn of(label: &str) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .args(["--serve", label])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts a second time");
        let to = child.stdin.take().expect("it was asked for");
        let from = BufReader::new(child.stdout.take().expect("it was asked for"));
        Copy { child, to, from }
    }

    /// What it says next.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("the copy answers");
        line.trim().to_owned()
    }

    /// The numbers that it answers a line with.
    pub(crate) fn ask(&mut self, question: &str) -> Vec<f64> {
        writeln!(self.to, "{question}").expect("the copy listens");
        self.line().split(' ').filter_map(|number| number.parse().ok()).collect()
    }

    /// The only number that it answers a command and a number with; zero if it is none.
    pub(crate) fn figure(&mut self, command: &str, n: usize) -> f64 {
        self.ask(&format!("{command} {n}")).first().copied().unwrap_or_default()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
