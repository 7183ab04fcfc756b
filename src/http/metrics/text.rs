//! Prometheus' text format, version 0.0.4: families of samples, each with its help and type.

use std::fmt::{Display, Write};

use crate::telemetry::HistogramFigures;

/// What a family's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows while the process lives.
    Counter,
    /// Values in buckets.
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        }
    }
}

/// A family of one sample.
pub(super) struct One<'a> {
    name: &'a str,
    kind: Kind,
    help: &'a str,
    value: u64,
}

/// One that goes up and down.
pub(super) fn gauge<'a>(name: &'a str, help: &'a str, value: u64) -> One<'a> {
    One { name, kind: Kind::Gauge, help, value }
}

/// One that only grows.
pub(super) fn counter<'a>(name: &'a str, help: &'a str, value: u64) -> One<'a> {
    One { name, kind: Kind::Counter, help, value }
}

/// Whether, as a number.
pub(super) fn flag<'a>(name: &'a str, help: &'a str, value: bool) -> One<'a> {
    gauge(name, help, u64::from(value))
}

/// A text being written. Writing to a string does not fail.
pub(super) struct Text(String);

impl Text {
    pub(super) fn new() -> Text {
        Text(String::with_capacity(16 << 10))
    }

    /// Families of one sample each.
    pub(super) fn ones(&mut self, ones: &[One<'_>]) {
        for One { name, kind, help, value } in ones {
            self.family(name, *kind, help);
            self.sample(name, &[], value);
        }
    }

    /// A family with a sample for each value of one label.
    pub(super) fn by<L: AsRef<str>, V: Display>(
        &mut self,
        label: &str,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) {
        self.family(name, kind, help);
        for (of, value) in samples {
            self.sample(name, &[(label, of.as_ref())], value);
        }
    }

    /// What the family's samples mean.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = kind.name();
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A sample of the family that was begun last.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.0, "{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if at == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// A histogram's samples; its values are whole numbers of `unit`.
    pub(super) fn buckets(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        figures: &HistogramFigures,
        unit: Unit,
    ) {
        let mut below = 0;
        let bounds = figures.bounds.iter().map(|bound| unit.text(*bound)).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&figures.buckets) {
            below += count;
            let labelled: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.sample(&format!("{name}_bucket"), &labelled, below);
        }
        self.sample(&format!("{name}_sum"), labels, unit.text(figures.sum));
        self.sample(&format!("{name}_count"), labels, below);
    }

    /// A histogram without labels.
    pub(super) fn histogram(&mut self, name: &str, help: &str, figures: &HistogramFigures, unit: Unit) {
        self.family(name, Kind::Histogram, help);
        self.buckets(name, &[], figures, unit);
    }

    pub(super) fn end(self) -> String {
        self.0
    }
}

/// What a histogram counts; metrics are in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Microseconds, shown in seconds.
    Microseconds,
    /// Things.
    Things,
}

impl Unit {
    fn text(self, value: u64) -> String {
        match self {
            Unit::Microseconds => (value as f64 / 1e6).to_string(),
            Unit::Things => value.to_string(),
        }
    }
}
