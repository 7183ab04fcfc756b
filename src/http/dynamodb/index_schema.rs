//! A secondary index as CreateTable and UpdateTable have it: read, checked, and made the engine's.

use std::collections::HashSet;

use super::constraint::Violations;
use super::error::WireError;
use super::index_key::Key;
use super::mismatch::Expected;
use super::request::Wire;
use super::table_schema::Element;
use super::units::{self, Of, Throughput, When};
use crate::model::dynamodb_json::DecodeError;
use crate::model::{IndexDef, IndexKind, Name, Projection, TableId, limits};

/// The most attributes that one index names in INCLUDE.
const NON_KEY: usize = 20;
/// The most attributes of a local index's key.
const LOCAL_KEY: usize = 2;

/// ProjectionType and NonKeyAttributes, as they are given.
type Shown = (Option<String>, Option<Vec<String>>);

/// An index, as it is given.
#[derive(Debug, Default)]
pub(super) struct Index {
    name: Option<String>,
    schema: Option<Vec<Element>>,
    projection: Option<Shown>,
    throughput: Option<Throughput>,
    on_demand: Option<Throughput>,
    warm: Option<Throughput>,
}

impl Index {
    /// Reads a list of indexes.
    pub(super) fn list(wire: &mut Wire<'_>, class: &'static str) -> Result<Option<Vec<Index>>, DecodeError> {
        let mut indexes = Vec::new();
        let given = wire.list(|wire| {
            indexes.extend(Index::read(wire, Expected::Element(class))?);
            Ok(())
        })?;
        Ok(given.then_some(indexes))
    }

    /// Reads one.
    pub(super) fn read(wire: &mut Wire<'_>, expected: Expected) -> Result<Option<Index>, DecodeError> {
        let mut index = Index::default();
        let given = wire.object(expected, |wire, name| {
            match name {
                "IndexName" => index.name = wire.string()?,
                "KeySchema" => index.schema = Element::list(wire)?,
                "Projection" => index.projection = projection(wire)?,
                "ProvisionedThroughput" => index.throughput = units::provisioned(wire)?,
                "OnDemandThroughput" => index.on_demand = units::on_demand(wire)?,
                "WarmThroughput" => index.warm = units::warm(wire)?,
                _ => wire.skip()?,
            }
            Ok(())
        })?;
        Ok(given.then_some(index))
    }

    /// The name, where it is given.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Constraints of the service model.
    pub(super) fn check(&self, kind: IndexKind, at: &str, violations: &mut Violations) {
        let place = format!("{at}.indexName");
        violations.required(&place, &self.name);
        if let Some(name) = &self.name {
            violations.name(&place, name);
        }
        let place = format!("{at}.keySchema");
        violations.required(&place, &self.schema);
        let most = if kind == IndexKind::Local { LOCAL_KEY } else { usize::MAX };
        if let Some(schema) = &self.schema {
            violations.length(&place, &Element::shown(schema), schema.len(), 1, most);
            for (number, element) in (1..).zip(schema) {
                element.check(&format!("{place}.{number}.member"), violations);
            }
        }
        let place = format!("{at}.projection");
        violations.required(&place, &self.projection);
        if let Some((kind, names)) = &self.projection {
            let place = format!("{place}.projectionType");
            violations.one_of(&place, kind.as_deref(), &["ALL", "INCLUDE", "KEYS_ONLY"]);
            if let Some(names) = names {
                let place = format!("{at}.projection.nonKeyAttributes");
                violations.length(&place, &format!("[{}]", names.join(", ")), names.len(), 1, NON_KEY);
                for (number, name) in (1..).zip(names) {
                    let place = format!("{place}.{number}.member");
                    violations.text(&place, Some(name), 1, limits::KEY_ATTRIBUTE_NAME);
                }
            }
        }
        units::check(self.throughput, &format!("{at}.provisionedThroughput"), violations);
    }

    /// The key, where it is given.
    pub(super) fn elements(&self) -> &[Element] {
        self.schema.as_deref().unwrap_or_default()
    }

    fn shown(&self) -> Result<Projection, WireError> {
        let (kind, names) =
            self.projection.as_ref().map_or((None, None), |(k, n)| (k.as_deref(), n.as_ref()));
        match (kind, names) {
            (None, _) => Err(WireError::invalid("Unknown ProjectionType: null")),
            (Some("INCLUDE"), Some(names)) => {
                let mut seen = HashSet::new();
                if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
                    return Err(WireError::invalid(format!(
                        "Duplicate element in NonKeyAttributes: {twice}"
                    )));
                }
                Ok(Projection::Include(names.iter().map(|name| Name::from(name.as_str())).collect()))
            }
            (Some("INCLUDE"), None) => {
                Err(WireError::invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
            }
            (Some(kind), Some(_)) => Err(WireError::invalid(format!(
                "ProjectionType is {kind}, but NonKeyAttributes is specified"
            ))),
            (Some("ALL"), None) => Ok(Projection::All),
            (Some(_), None) => Ok(Projection::KeysOnly),
        }
    }

    /// The units, as the table's billing mode wants them.
    fn units(&self, provisioned: bool, when: When) -> Result<Option<(u64, u64)>, WireError> {
        let name = self.name();
        let what = match (self.throughput, provisioned, when) {
            (Some((Some(read), Some(write))), true, _) => {
                return units::bounded((read, write), Of::Index(name)).map(Some);
            }
            (Some(_), true, _) => return Err(super::unreadable()),
            (None, false, _) => return Ok(None),
            (Some(_), false, When::New) => format!(
                "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            ),
            (Some(_), false, When::Update) => format!(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            ),
            (None, true, When::New) => format!("ProvisionedThroughput is not specified for index: {name}"),
            (None, true, When::Update) => {
                format!("Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}")
            }
        };
        Err(WireError::invalid(what))
    }

    /// The index as the engine takes it.
    pub(super) fn to_engine(
        &self,
        kind: IndexKind,
        key: Key,
        provisioned: bool,
        when: When,
    ) -> Result<IndexDef, WireError> {
        let projection = self.shown()?;
        let of = Of::Index(self.name());
        let (mut units, mut most, mut warm) = (None, (None, None), (0, 0));
        if kind == IndexKind::Global {
            units = self.units(provisioned, when)?;
            // An index that is new has no limit to lift, whatever makes it.
            most = units::most(self.on_demand, of, provisioned, When::New)?;
            warm = units::warmed(self.warm, of, units)?;
        }
        let most = (most.0.unwrap_or(-1), most.1.unwrap_or(-1));
        Ok(IndexDef {
            id: TableId(0),
            name: Name::from(self.name()),
            kind,
            partition: key.partition,
            sort: key.sort,
            projection,
            provisioned: units,
            on_demand_most: Some(most).filter(|most| *most != (-1, -1)),
            warm,
            added: false,
            dropped: false,
        })
    }
}

fn projection(wire: &mut Wire<'_>) -> Result<Option<Shown>, DecodeError> {
    let (mut kind, mut names) = (None, None);
    let given = wire.object(Expected::Member("Projection"), |wire, name| {
        match name {
            "ProjectionType" => kind = wire.string()?,
            "NonKeyAttributes" => {
                let mut read = Vec::new();
                let given = wire.list(|wire| {
                    read.extend(wire.string()?);
                    Ok(())
                })?;
                names = given.then_some(read);
            }
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    Ok(given.then_some((kind, names)))
}
