//! An event, taken apart: its message and its fields.

use std::fmt::{Debug, Write};

use tracing::Event;
use tracing::field::{Field, Visit};

/// An event's message and fields, in their order.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// A field's value: numbers stay numbers.
#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Signed(i64),
    Unsigned(u64),
    Flag(bool),
}

impl Value {
    /// As text.
    pub(super) fn text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Signed(number) => number.to_string(),
            Value::Unsigned(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
        }
    }
}

impl Taken {
    /// Takes an event apart.
    pub(super) fn of(event: &Event<'_>) -> Taken {
        let mut taken = Taken::default();
        event.record(&mut taken);
        taken
    }

    /// Message and fields as one line, as the text format has it.
    pub(super) fn line(&self) -> String {
        let mut line = self.message.clone();
        for (name, value) in &self.fields {
            let space = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{space}{name}={}", value.text());
        }
        line
    }

    fn put(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => self.message = value.text(),
            name => self.fields.push((name, value)),
        }
    }
}

impl Visit for Taken {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Flag(value));
    }
}
