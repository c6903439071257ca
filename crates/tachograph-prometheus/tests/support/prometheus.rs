//! A real Prometheus server, started for one test and asked by its HTTP API.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::peers;

/// How long a server may take for anything; a loaded machine is slow.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running server; ends with the test.
pub(crate) struct Prometheus {
    child: Child,
    base: String,
    log: PathBuf,
}

impl Prometheus {
    /// Starts the server of a folder of `cargo xtask peers` with scrape jobs in YAML.
    pub(crate) fn start(version: &str, test: &str, jobs: &str, arguments: &[&str]) -> Self {
        let folder = peers::empty_folder(test);
        let config = folder.join("prometheus.yml");
        let global = "global:\n  scrape_interval: 2s\n  scrape_timeout: 2s\nscrape_configs:\n";
        fs::write(&config, format!("{global}{jobs}")).expect("a configuration can be written");
        let log = folder.join("log");
        // The server cannot be asked which port it found, so that one is found for it; another process
        // may be faster to take it.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let free = free.expect("a free port");
            let child = Command::new(peers::program(&format!("{version}/prometheus")))
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={free}"))
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(File::create(&log).expect("a log can be written"))
                .spawn()
                .expect("the server starts");
            let mut server = Prometheus { child, base: format!("http://{free}"), log: log.clone() };
            if server.becomes_ready() {
                return server;
            }
        }
        panic!("the server ends when it starts\n{}", fs::read_to_string(&log).unwrap_or_default());
    }

    /// Waits until the server is ready, or has ended.
    fn becomes_ready(&mut self) -> bool {
        let start = Instant::now();
        let ready = format!("{}/-/ready", self.base);
        while start.elapsed() < DEADLINE {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            if ureq::get(&ready).call().is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the server did not become ready\n{}", self.log());
    }

    /// Waits until there is an answer.
    pub(crate) fn until<T>(&self, what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(answer) = answer() {
                return answer;
            }
            assert!(start.elapsed() < DEADLINE, "waited in vain until {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn ask(&self, path: &str, form: &[(&str, &str)]) -> Option<Value> {
        let request = ureq::get(format!("{}{path}", self.base)).query_pairs(form.iter().copied());
        let mut answer: Value = request.call().ok()?.body_mut().read_json().ok()?;
        Some(answer["data"].take())
    }

    /// The series that a query gives now: labels, the name among them, and value.
    pub(crate) fn query(&self, query: &str) -> BTreeMap<BTreeMap<String, String>, f64> {
        let data = self.ask("/api/v1/query", &[("query", query)]).unwrap_or_default();
        let results = data["result"].as_array().cloned().unwrap_or_default();
        results
            .iter()
            .map(|result| {
                let labels = serde_json::from_value(result["metric"].clone()).expect("labels");
                // A native histogram is none, and counts as what it counts.
                let value = result["value"][1].as_str().or(result["histogram"][1]["count"].as_str());
                (labels, value.and_then(|value| value.parse().ok()).expect("a value"))
            })
            .collect()
    }

    /// The exemplars of a query's series, of the last hour: labels of each exemplar, and its value.
    pub(crate) fn exemplars(&self, query: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("a clock that is right");
        let (start, end) = ((now.as_secs() - 3_600).to_string(), (now.as_secs() + 60).to_string());
        let form = [("query", query), ("start", &*start), ("end", &*end)];
        let data = self.ask("/api/v1/query_exemplars", &form).unwrap_or_default();
        let series = data.as_array().cloned().unwrap_or_default();
        series
            .iter()
            .flat_map(|series| series["exemplars"].as_array().cloned().unwrap_or_default())
            .map(|exemplar| {
                let labels = serde_json::from_value(exemplar["labels"].clone()).expect("labels");
                (labels, exemplar["value"].as_str().and_then(|value| value.parse().ok()).expect("a value"))
            })
            .collect()
    }

    /// What was wrong with scrapes, by job.
    pub(crate) fn scrape_errors(&self) -> BTreeMap<String, String> {
        let data = self.ask("/api/v1/targets", &[]).unwrap_or_default();
        let targets = data["activeTargets"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors =
            targets.iter().map(|target| (text(&target["labels"]["job"]), text(&target["lastError"])));
        errors.filter(|(_, error)| !error.is_empty()).collect()
    }

    /// What the server knows of families: name to type, unit and help.
    pub(crate) fn metadata(&self) -> BTreeMap<String, Vec<Value>> {
        let data = self.ask("/api/v1/metadata", &[]).unwrap_or_default();
        serde_json::from_value(data).unwrap_or_default()
    }

    /// Everything the server has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What the server complained of. Duplicate series and the like are only warnings.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.log();
        assert!(!log.is_empty(), "a log");
        let is_complaint = |line: &&str| {
            let line = line.to_lowercase();
            line.contains("level=warn") || line.contains("level=error")
        };
        log.lines().filter(is_complaint).map(str::to_owned).collect()
    }

    /// That the server had nothing to complain of.
    pub(crate) fn assert_quiet(&self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
