use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

/// Where `OTEL_*` variables are read from: the process, unless it is something else.
///
/// A test gives its own variables instead of setting those of the process, which all its threads share:
///
/// ```
/// use tachograph::{Environment, Telemetry};
///
/// let environment = Environment::from_iter([("OTEL_SERVICE_NAME", "shop")]);
/// let telemetry = Telemetry::builder().with_environment(environment).build()?;
/// assert_eq!(telemetry.resource().get("service.name"), Some(&"shop".into()));
/// # Ok::<(), tachograph::Error>(())
/// ```
#[derive(Clone)]
pub struct Environment {
    lookup: Arc<Lookup>,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Environment {
    /// The variables of the process, as they are when a `Telemetry` is built.
    pub fn process() -> Self {
        // The only read of the process' environment in the workspace's libraries.
        Environment { lookup: Arc::new(|name| std::env::var_os(name)) }
    }

    /// No variable is set.
    pub fn empty() -> Self {
        Self::from_fn(|_| None)
    }

    /// Variables that a function looks up: from a configuration file, from another prefix.
    pub fn from_fn(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Environment { lookup: Arc::new(move |name| lookup(name).map(OsString::from)) }
    }

    /// Variables of bytes that need not be text, as a system has them.
    #[cfg(test)]
    pub(crate) fn from_os(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Environment { lookup: Arc::new(lookup) }
    }

    /// The value of a variable. Not decoded: that it is no Unicode is for the reader to report.
    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name)
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::process()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(variables: T) -> Self {
        let variables: HashMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self::from_fn(move |name| variables.get(name).cloned())
    }
}

impl fmt::Debug for Environment {
    /// Without values, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
