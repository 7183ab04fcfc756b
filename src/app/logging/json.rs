//! `format = "json"`: an object a line on standard error: `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, and the
//! event's fields below `fields`.

use std::io::Write;

use serde_json::{Map, Value as Json};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context;

use super::event::{Taken, Value};

/// The sink.
pub(super) struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut time = String::new();
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        let metadata = event.metadata();
        let line = line(&time, metadata.level().as_str(), metadata.target(), Taken::of(event));
        // In one write, so that lines of several threads don't mix. Nobody listening is no reason to fail.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn line(time: &str, level: &str, target: &str, taken: Taken) -> String {
    let fields: Map<String, Json> =
        taken.fields.into_iter().map(|(name, value)| (name.to_owned(), json(value))).collect();
    let mut object = Map::new();
    object.insert("timestamp".to_owned(), time.into());
    object.insert("level".to_owned(), level.to_lowercase().into());
    object.insert("target".to_owned(), target.into());
    object.insert("message".to_owned(), taken.message.into());
    if !fields.is_empty() {
        object.insert("fields".to_owned(), fields.into());
    }
    format!("{}\n", Json::Object(object))
}

fn json(value: Value) -> Json {
    match value {
        Value::Text(text) => text.into(),
        Value::Signed(number) => number.into(),
        Value::Unsigned(number) => number.into(),
        Value::Flag(flag) => flag.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_numbers_and_a_line_is_one_line() {
        let fields = vec![("seconds", Value::Unsigned(7)), ("error", Value::Text("a\n\"b\"".to_owned()))];
        let taken = Taken { message: "it is stuck".to_owned(), fields };
        let line = line("2026-01-01T00:00:00Z", "WARN", "forebay::store", taken);
        assert_eq!(line.lines().count(), 1);
        let read: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(
            read,
            serde_json::json!({
                "timestamp": "2026-01-01T00:00:00Z", "level": "warn", "target": "forebay::store",
                "message": "it is stuck", "fields": {"seconds": 7, "error": "a\n\"b\""},
            })
        );
    }
}
