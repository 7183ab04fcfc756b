//! `FOREBAY_SECTION__KEY` variables: each overrides one key of the file.

use super::raw::Raw;

/// Variables that commands read for themselves.
const OTHERS: [&str; 3] = ["FOREBAY_URL", "FOREBAY_LOG", "FOREBAY_CONFIG"];

/// What the environment says.
pub(super) struct Overrides {
    pub(super) raw: Raw,
    /// The keys that it overrides, with dots.
    pub(super) keys: Vec<String>,
    /// One for each variable that names no key.
    pub(super) warnings: Vec<String>,
}

/// Reads the `FOREBAY_` variables.
pub(super) fn read(variables: impl Iterator<Item = (String, String)>) -> Result<Overrides, String> {
    let mut merged = Raw::default();
    let mut overridden = Vec::new();
    let mut warnings = Vec::new();
    for (name, value) in variables {
        let Some(path) = name.strip_prefix("FOREBAY_") else { continue };
        if OTHERS.contains(&name.as_str()) {
            continue;
        }
        let keys: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
        let well_formed = keys.len() > 1
            && keys
                .iter()
                .all(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        match well_formed.then(|| one(&keys, &value)) {
            Some(Ok(raw)) => {
                merged.override_with(raw);
                overridden.push(keys.join("."));
            }
            Some(Err(error)) if !error.contains("unknown field") => {
                return Err(format!("the environment variable {name}: {error}"));
            }
            _ => warnings.push(format!(
                "the environment variable {name} names no setting and is ignored; settings are written FOREBAY_SECTION__KEY, such as FOREBAY_HTTP__LISTEN"
            )),
        }
    }
    Ok(Overrides { raw: merged, keys: overridden, warnings })
}

/// One variable as a document of one key: a string, or else what TOML reads in it (numbers, booleans).
fn one(keys: &[String], value: &str) -> Result<Raw, String> {
    let path = keys.join(".");
    // JSON's escapes are among TOML's.
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    toml::from_str::<Raw>(&format!("{path} = {text}"))
        .or_else(|error| toml::from_str::<Raw>(&format!("{path} = {value}")).map_err(|_| error))
        .map_err(|error| error.message().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::units::Address;
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<(Raw, Vec<String>), String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(pairs).map(|overrides| (overrides.raw, overrides.warnings))
    }

    #[test]
    fn a_variable_overrides_one_key() {
        let (raw, warnings) = from(&[
            ("FOREBAY_HTTP__LISTEN", "127.0.0.1:9000"),
            ("FOREBAY_MQTT__LISTENER__MAX_CONNECTIONS", "7"),
        ])
        .unwrap();
        assert_eq!(raw.http.unwrap().listen, Some(Address("127.0.0.1:9000".parse().unwrap())));
        assert_eq!(raw.mqtt.listener.unwrap().max_connections, Some(7));
        assert!(warnings.is_empty());
    }

    #[test]
    fn an_identifier_of_digits_stays_text() {
        assert_eq!(from(&[("FOREBAY_GATEWAY__ID", "014")]).unwrap().0.gateway.id.as_deref(), Some("014"));
    }

    #[test]
    fn an_unknown_variable_is_a_warning_and_a_wrong_value_an_error() {
        assert_eq!(
            from(&[("FOREBAY_HTTP__LISTNE", "x"), ("FOREBAY_URL", "x"), ("FOREBAY_CONFIG", "x")])
                .unwrap()
                .1
                .len(),
            1
        );
        let error = from(&[("FOREBAY_STORE__MAX_SIZE", "plenty")]).unwrap_err();
        assert!(error.contains("FOREBAY_STORE__MAX_SIZE") && error.contains("64MiB"), "{error}");
    }
}
