use std::env;
use std::sync::OnceLock;

use opentelemetry::KeyValue;

/// Finds attributes of the resource, where the program runs.
///
/// Implement it for a platform: a cloud's instance, a container, a host. It is asked once, when the
/// resource is built; it should be quick, and finds nothing rather than fail.
///
/// ```
/// use tachograph_sdk::resource::ResourceDetector;
/// use tachograph_sdk::{KeyValue, Resource};
///
/// struct Rack;
///
/// impl ResourceDetector for Rack {
///     fn detect(&self) -> Vec<KeyValue> {
///         std::env::var("RACK").map(|rack| KeyValue::new("rack.name", rack)).into_iter().collect()
///     }
/// }
///
/// let resource = Resource::builder().with_detector(&Rack).build();
/// ```
pub trait ResourceDetector {
    /// The attributes that were found.
    fn detect(&self) -> Vec<KeyValue>;

    /// The URL of the schema that they follow, if they follow one: `https://opentelemetry.io/schemas/…`
    /// of the version of the semantic conventions that names them.
    fn schema_url(&self) -> Option<&str> {
        None
    }
}

/// The semantic conventions that this module's detectors follow.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// `telemetry.sdk.name`, `.language` and `.version`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SdkDetector;

impl ResourceDetector for SdkDetector {
    fn detect(&self) -> Vec<KeyValue> {
        vec![
            KeyValue::new("telemetry.sdk.name", "tachograph"),
            KeyValue::new("telemetry.sdk.language", "rust"),
            KeyValue::new("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ]
    }

    fn schema_url(&self) -> Option<&str> {
        Some(SCHEMA_URL)
    }
}

/// `process.pid`, and `process.executable.name` and `.path` where the system tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessDetector;

impl ResourceDetector for ProcessDetector {
    fn detect(&self) -> Vec<KeyValue> {
        let mut found = vec![KeyValue::new("process.pid", i64::from(std::process::id()))];
        if let Some(name) = executable_name() {
            found.push(KeyValue::new("process.executable.name", name));
        }
        if let Ok(path) = env::current_exe() {
            found.push(KeyValue::new("process.executable.path", path.to_string_lossy().into_owned()));
        }
        found
    }

    fn schema_url(&self) -> Option<&str> {
        Some(SCHEMA_URL)
    }
}

/// `service.name`, as `unknown_service:<executable>`, and `service.instance.id`: a random UUID that is
/// the same throughout the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceDetector;

impl ResourceDetector for ServiceDetector {
    fn detect(&self) -> Vec<KeyValue> {
        static INSTANCE: OnceLock<String> = OnceLock::new();
        let instance = INSTANCE.get_or_init(|| uuid::Uuid::new_v4().to_string());
        let name = executable_name().map_or_else(
            || "unknown_service".to_owned(),
            |executable| format!("unknown_service:{executable}"),
        );
        vec![KeyValue::new("service.name", name), KeyValue::new("service.instance.id", instance.clone())]
    }

    fn schema_url(&self) -> Option<&str> {
        Some(SCHEMA_URL)
    }
}

fn executable_name() -> Option<String> {
    let path = env::current_exe().ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}
