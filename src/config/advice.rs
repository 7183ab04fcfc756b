//! What is valid and yet hardly meant: said as a warning, never refused.

use super::settings::Settings;

/// A sentence for each.
pub(super) fn advice(settings: &Settings) -> Vec<String> {
    let mut advice = Vec::new();
    if settings.http.is_none() && settings.listener.is_none() && settings.broker.is_none() {
        advice.push(
            "no door is open: add [http] with listen, or [mqtt.listener] with listen, or both".to_owned(),
        );
    }
    if settings.listener.is_some() && settings.rules.is_empty() {
        advice.push("[mqtt.listener] is on without a [[rule]]: every message will be rejected".to_owned());
    }
    if settings.broker.is_some() && settings.rules.subscriptions().filters.is_empty() {
        advice.push(
            "[mqtt.broker] is on, but no [[rule]] stores anything: nothing is subscribed to".to_owned(),
        );
    }
    if settings.listener.is_none() && settings.broker.is_none() && !settings.rules.is_empty() {
        advice.push(
            "there are rules, but nothing brings messages: add [mqtt.broker] with url, or [mqtt.listener] with listen"
                .to_owned(),
        );
    }
    advice.extend(super::space::advice(settings));
    advice.extend(super::handling::advice(settings));
    for upstream in &settings.upstreams {
        let credentials = super::credentials::advice(&upstream.credentials);
        advice.extend(credentials.or_else(|| super::issuer::advice(upstream)).map(|what| {
            format!(
                "upstream {:?} is blocked until this is put right, no restart needed: {what}",
                upstream.name
            )
        }));
        let named = upstream.tables.iter().flat_map(|tables| tables.keys());
        let unknown = named.filter(|name| settings.tables.iter().all(|table| table.name.as_str() != *name));
        advice.extend(unknown.map(|name| {
            format!(
                "upstream {:?}: tables names {name:?}, which no [[table]] configures; it is sent once a client creates it",
                upstream.name
            )
        }));
    }
    advice
}
