//! Presets: rules that come with Forebay, written in the rule language (`presets/*.toml`).

use super::settings::{Attributes, PayloadKind, RuleError, RuleSettings};

const PRESETS: [(&str, &str); 5] = [
    ("zigbee2mqtt", include_str!("presets/zigbee2mqtt.toml")),
    ("tasmota", include_str!("presets/tasmota.toml")),
    ("homeassistant-statestream", include_str!("presets/homeassistant-statestream.toml")),
    ("esphome", include_str!("presets/esphome.toml")),
    ("thin-edge", include_str!("presets/thin-edge.toml")),
];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Preset {
    /// The levels its topics stand below, unless the rule's `topic` gives others.
    base: String,
    rule: Vec<RuleSettings>,
}

/// The presets' names.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The rules that a rule with a preset stands for; any other rule stands for itself.
pub(super) fn expand(settings: &RuleSettings) -> Result<Vec<RuleSettings>, RuleError> {
    let Some(name) = settings.preset.as_deref() else { return Ok(vec![settings.clone()]) };
    let Some((_, text)) = PRESETS.iter().find(|(known, _)| *known == name) else {
        let known = preset_names().collect::<Vec<_>>().join(", ");
        return Err(RuleError::new(
            "preset",
            format!("there is no preset \"{name}\""),
            format!("take one of: {known}"),
        ));
    };
    refuse_own(settings)?;
    let preset: Preset = toml::from_str(text).map_err(|e| {
        RuleError::new("preset", format!("\"{name}\" can't be read: {e}"), "report this as a bug")
    })?;
    let base = settings.topic.as_deref().unwrap_or(&preset.base).trim_end_matches('/');
    Ok(preset.rule.into_iter().map(|rule| adapt(rule, settings, name, base)).collect())
}

/// What a preset decides itself.
fn refuse_own(settings: &RuleSettings) -> Result<(), RuleError> {
    let own = [
        ("drop", settings.drop),
        ("payload", settings.payload != PayloadKind::Auto),
        ("value_as", settings.value_as.is_some()),
        ("attributes", settings.attributes != Attributes::All),
        ("each", settings.each.is_some()),
    ];
    match own.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((key, _)) => Err(RuleError::new(
            key,
            "a preset decides this itself",
            "leave it out, or put a rule of your own before the preset",
        )),
    }
}

fn adapt(mut rule: RuleSettings, settings: &RuleSettings, preset: &str, base: &str) -> RuleSettings {
    let own = rule.name.take().unwrap_or_default();
    rule.name = Some(format!("{}.{own}", settings.name.as_deref().unwrap_or(preset)));
    if let Some(topic) = rule.topic.as_mut()
        && !base.is_empty()
    {
        *topic = format!("{base}/{topic}");
    }
    rule.table.clone_from(&settings.table);
    rule.ttl = settings.ttl;
    rule.retained = settings.retained;
    if !rule.drop {
        for (name, source) in &settings.set.0 {
            rule.set.0.retain(|(other, _)| other != name);
            rule.set.0.push((name.clone(), source.clone()));
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::settings::{SetSettings, ValueSetting};

    #[test]
    fn every_preset_can_be_read() {
        for name in preset_names() {
            let settings = RuleSettings { preset: Some(name.into()), ..RuleSettings::default() };
            assert!(!expand(&settings).unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn the_rule_around_it_adapts_it() {
        let settings = RuleSettings {
            name: Some("zigbee".into()),
            preset: Some("zigbee2mqtt".into()),
            topic: Some("home/z2m".into()),
            table: Some("readings".into()),
            set: SetSettings(vec![("site".into(), ValueSetting::Template("north".into()))]),
            ..RuleSettings::default()
        };
        let rules = expand(&settings).unwrap();
        assert_eq!(rules[0].topic.as_deref(), Some("home/z2m/bridge/{rest..}"));
        let last = rules.last().unwrap();
        assert_eq!(last.name.as_deref(), Some("zigbee.state"));
        assert_eq!(last.table.as_deref(), Some("readings"));
        assert!(last.set.0.iter().any(|(name, _)| name == "site"));
    }

    #[test]
    fn unknown_names_and_contradictions_are_explained() {
        let unknown = RuleSettings { preset: Some("zigbee".into()), ..RuleSettings::default() };
        assert!(expand(&unknown).unwrap_err().to_string().contains("zigbee2mqtt"));
        let contradiction =
            RuleSettings { preset: Some("tasmota".into()), drop: true, ..RuleSettings::default() };
        assert_eq!(expand(&contradiction).unwrap_err().key, "drop");
    }
}
