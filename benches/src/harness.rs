//! Contenders in turn, medians of many short rounds, tables with ratios.
//!
//! The machine is assumed to be noisy. So no contender runs for long: a round runs every contender
//! once for some tens of microseconds, the next round starts with another of them, and a figure is
//! the median over all rounds. What disturbs the machine for longer than a round disturbs all alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How much to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Rounds per table: each runs every contender once.
    pub(crate) rounds: usize,
    /// What one contender's batch should take.
    pub(crate) batch: Duration,
    /// Whether only to see that everything runs.
    pub(crate) quick: bool,
}

impl Effort {
    pub(crate) fn full() -> Self {
        Self { rounds: 1_000, batch: Duration::from_micros(60), quick: false }
    }

    pub(crate) fn quick() -> Self {
        Self { rounds: 1, batch: Duration::from_micros(5), quick: true }
    }

    /// `full` of something, or just enough to see that it runs.
    pub(crate) fn of(self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// What a contender is in a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What the machine needs at least.
    Floor,
    /// This project.
    Ours,
    /// Another library.
    Peer,
    /// Another library, spelled in a way that the bar does not compare with; the note says why.
    Aside,
}

/// Runs `n` operations and says how long they took.
type Batch<'a> = Box<dyn FnMut(usize) -> Duration + 'a>;

pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    pub(crate) role: Role,
    batch: Batch<'a>,
}

impl<'a> Contender<'a> {
    /// A contender whose `run(n)` does `n` operations; some of them first, untimed, to have in the
    /// cache again what the contenders before pushed out.
    pub(crate) fn new(role: Role, name: impl Into<String>, run: impl FnMut(usize) + 'a) -> Self {
        Self::warmed(role, name, 0, run)
    }

    /// As [`new`](Self::new), with at least `first` operations before: those that touch everything once.
    pub(crate) fn warmed(
        role: Role,
        name: impl Into<String>,
        first: usize,
        mut run: impl FnMut(usize) + 'a,
    ) -> Self {
        let batch = Box::new(move |n: usize| {
            run(first.max(n / 8 + 1));
            let start = Instant::now();
            run(n);
            start.elapsed()
        });
        Self { name: name.into(), role, batch }
    }

    /// A contender that measures itself: its figure is what it returns, divided by `n`.
    pub(crate) fn timed(
        role: Role,
        name: impl Into<String>,
        batch: impl FnMut(usize) -> Duration + 'a,
    ) -> Self {
        Self { name: name.into(), role, batch: Box::new(batch) }
    }

    /// Runs it once, for the instruction counter.
    pub(crate) fn run(&mut self, n: usize) {
        black_box((self.batch)(n));
    }
}

/// A contender's figures, sorted.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) role: Role,
    samples: Vec<f64>,
}

impl Row {
    /// A row of figures that were taken elsewhere.
    pub(crate) fn of(role: Role, name: impl Into<String>, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self { name: name.into(), role, samples }
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn quantile(&self, at: f64) -> f64 {
        match self.samples.len() {
            0 => f64::NAN,
            len => self.samples[((len - 1) as f64 * at).round() as usize],
        }
    }
}

/// Measures `contenders` against each other; a figure is nanoseconds per operation.
pub(crate) fn compare(effort: Effort, mut contenders: Vec<Contender<'_>>) -> Vec<Row> {
    let sizes: Vec<usize> = contenders.iter_mut().map(|contender| calibrate(effort, contender)).collect();
    compare_sized(effort.rounds, &sizes, contenders)
}

/// As [`compare`], with batches of a size that is given: for operations that are long by themselves.
pub(crate) fn compare_sized(rounds: usize, sizes: &[usize], mut contenders: Vec<Contender<'_>>) -> Vec<Row> {
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let time = (contenders[index].batch)(sizes[index]);
            samples[index].push(time.as_nanos() as f64 / sizes[index] as f64);
        }
    }
    contenders
        .iter()
        .zip(samples)
        .map(|(one, samples)| Row::of(one.role, one.name.clone(), samples))
        .collect()
}

/// How many operations make a batch: doubled until they take a fraction of what a batch should.
fn calibrate(effort: Effort, contender: &mut Contender<'_>) -> usize {
    let mut n = 16;
    if effort.quick {
        return n;
    }
    loop {
        let time = (0..3).map(|_| (contender.batch)(n)).min().unwrap_or_default();
        if time * 4 >= effort.batch || n >= 1 << 24 {
            let per_operation = (time.as_nanos() as f64 / n as f64).max(0.05);
            return ((effort.batch.as_nanos() as f64 / per_operation) as usize).max(16);
        }
        n *= 2;
    }
}

/// A table of rows, and the ratios that its bars ask for.
pub(crate) struct Table {
    title: String,
    unit: &'static str,
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, unit: &'static str, rows: Vec<Row>) -> Self {
        Self { title: title.into(), unit, rows }
    }

    /// The median of the row of this name; not a number where there is none, which no bar meets.
    pub(crate) fn median(&self, name: &str) -> f64 {
        self.rows.iter().find(|row| row.name == name).map_or(f64::NAN, Row::median)
    }

    /// The fastest peer's name and median.
    pub(crate) fn fastest_peer(&self) -> (&str, f64) {
        self.rows
            .iter()
            .filter(|row| row.role == Role::Peer)
            .map(|row| (row.name.as_str(), row.median()))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or(("no peer", f64::NAN))
    }

    /// Prints the rows, each with its ratio to every floor and to the fastest peer.
    pub(crate) fn print(&self) {
        let floors: Vec<&Row> = self.rows.iter().filter(|row| row.role == Role::Floor).collect();
        let has_peers = self.rows.iter().any(|row| row.role == Role::Peer);
        let (peer, peer_median) = self.fastest_peer();
        println!("\n### {}\n", self.title);
        print!("| contender | {} | middle half |", self.unit);
        for (index, _) in floors.iter().enumerate() {
            print!(" × floor {} |", index + 1);
        }
        println!("{}", if has_peers { format!(" × {peer} |") } else { String::new() });
        println!("|---|--:|--:|{}{}", "--:|".repeat(floors.len()), if has_peers { "--:|" } else { "" });
        let mut number = 0;
        for row in &self.rows {
            let name = match row.role {
                Role::Floor => {
                    number += 1;
                    format!("floor {number}: {}", row.name)
                }
                Role::Ours => format!("**{}**", row.name),
                Role::Peer => row.name.clone(),
                Role::Aside => format!("({})", row.name),
            };
            let (low, high) = (row.quantile(0.25), row.quantile(0.75));
            print!("| {name} | {} | {}-{} |", figure(row.median()), figure(low), figure(high));
            for floor in &floors {
                print!(" {:.2} |", row.median() / floor.median());
            }
            println!(
                "{}",
                if has_peers { format!(" {:.2} |", row.median() / peer_median) } else { String::new() }
            );
        }
    }
}

/// A figure with as many digits as it deserves.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// What the threads of this process have run for.
pub(crate) fn cpu_nanos() -> u128 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u128>().ok()
    };
    tasks.flatten().filter_map(of).sum()
}
