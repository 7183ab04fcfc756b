//! LocalSecondaryIndexes and GlobalSecondaryIndexes of CreateTable, and the index that UpdateTable makes: read, checked in
//! the service's order, and made the engine's.

use std::collections::HashSet;

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use super::table_schema::{Definition, Element, attribute};
use crate::model::dynamodb_json::DecodeError;
use crate::model::{IndexDef, IndexKind, KeyAttribute, KeySchema, Name, Projection, TableId, limits};

/// The most indexes of a kind.
const LOCAL: usize = 5;
const GLOBAL: usize = 20;
/// The most attributes of either half of a global index's key.
const KEY_ATTRIBUTES: usize = 4;
/// The most attributes that all indexes of a table name in INCLUDE.
const INCLUDED: usize = 100;
/// The most that one of them names.
const NON_KEY: usize = 20;

/// Read and write units, as they are given.
pub(super) type Throughput = (Option<i64>, Option<i64>);

/// ProjectionType and NonKeyAttributes, as they are given.
type Shown = (Option<String>, Option<Vec<String>>);

/// An index, as it is given.
#[derive(Debug, Default)]
pub(super) struct Index {
    name: Option<String>,
    schema: Option<Vec<Element>>,
    projection: Option<Shown>,
    throughput: Option<Throughput>,
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
                "ProvisionedThroughput" => index.throughput = throughput(wire)?,
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
    pub(super) fn check(&self, at: &str, violations: &mut Violations) {
        let place = format!("{at}.indexName");
        violations.required(&place, &self.name);
        if let Some(name) = &self.name {
            violations.name(&place, name);
        }
        let place = format!("{at}.keySchema");
        violations.required(&place, &self.schema);
        if let Some(schema) = &self.schema {
            violations.length(&place, &Element::shown(schema), schema.len(), 1, usize::MAX);
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
        check_throughput(self.throughput, at, violations);
    }

    fn elements(&self) -> &[Element] {
        self.schema.as_deref().unwrap_or_default()
    }

    /// The attributes of the key, by what they are in it.
    fn key(
        &self,
        kind: IndexKind,
        table: &KeySchema,
        definitions: &[Definition],
    ) -> Result<(Vec<KeyAttribute>, Vec<KeyAttribute>), WireError> {
        let elements = self.elements();
        let names: Vec<_> = elements.iter().map(Element::name).collect();
        if elements.iter().any(|element| attribute(element, definitions).is_none()) {
            return Err(not_defined(&names, definitions));
        }
        let mut seen = HashSet::new();
        if !names.iter().all(|name| seen.insert(*name)) {
            let text = "Both the Hash Key and the Range Key element in the KeySchema have the same name";
            return Err(WireError::validation(text));
        }
        let hashes = elements.iter().take_while(|element| element.is("HASH")).count();
        let (partition, sort) = elements.split_at(hashes);
        let wrong = |text: &str| Err(WireError::validation(format!("Invalid KeySchema: {text}")));
        if partition.is_empty() {
            return wrong("The first KeySchemaElement is not a HASH key type");
        }
        if sort.iter().any(|element| !element.is("RANGE")) || kind == IndexKind::Local && hashes > 1 {
            return wrong("The second KeySchemaElement is not a RANGE key type");
        }
        if kind == IndexKind::Local {
            self.local_key(table, partition, sort)?;
        }
        for (half, of) in [("HASH", partition), ("RANGE", sort)] {
            if of.len() > KEY_ATTRIBUTES {
                return wrong(&format!("The number of {half} key attributes exceeds the limit of 4"));
            }
        }
        let attributes = |elements: &[Element]| {
            elements.iter().filter_map(|element| attribute(element, definitions)).collect()
        };
        Ok((attributes(partition), attributes(sort)))
    }

    fn local_key(&self, table: &KeySchema, partition: &[Element], sort: &[Element]) -> Result<(), WireError> {
        if sort.len() != 1 {
            return Err(invalid(format!(
                "Index KeySchema does not have a range key for index: {}",
                self.name()
            )));
        }
        let hash = partition.first().map(Element::name).unwrap_or_default();
        if hash != table.partition.name {
            return Err(invalid(format!(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: {}. index hash key: {hash}, table hash key: {}",
                self.name(),
                table.partition.name
            )));
        }
        Ok(())
    }

    fn shown(&self) -> Result<Projection, WireError> {
        let (kind, names) =
            self.projection.as_ref().map_or((None, None), |(k, n)| (k.as_deref(), n.as_ref()));
        match (kind, names) {
            (None, _) => Err(invalid("Unknown ProjectionType: null".to_owned())),
            (Some("INCLUDE"), Some(names)) => {
                let mut seen = HashSet::new();
                if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
                    return Err(invalid(format!("Duplicate NonKeyAttribute: {twice}")));
                }
                Ok(Projection::Include(names.iter().map(|name| Name::from(name.as_str())).collect()))
            }
            (Some("INCLUDE"), None) => {
                Err(invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified".to_owned()))
            }
            (Some(kind), Some(_)) => {
                Err(invalid(format!("ProjectionType is {kind}, but NonKeyAttributes is specified")))
            }
            (Some("ALL"), None) => Ok(Projection::All),
            (Some(_), None) => Ok(Projection::KeysOnly),
        }
    }

    /// The units, as the table's billing mode wants them.
    fn units(&self, provisioned: bool) -> Result<Option<(u64, u64)>, WireError> {
        match (self.throughput, provisioned) {
            (Some(_), false) => Err(invalid(format!(
                "ProvisionedThroughput should not be specified for index: {} when BillingMode is PAY_PER_REQUEST",
                self.name()
            ))),
            (None, true) => {
                Err(invalid(format!("ProvisionedThroughput must be specified for index: {}", self.name())))
            }
            (Some((Some(read), Some(write))), true) => Ok(Some((read.unsigned_abs(), write.unsigned_abs()))),
            _ => Ok(None),
        }
    }

    /// One index as the engine takes it.
    pub(super) fn to_engine(
        &self,
        kind: IndexKind,
        table: &KeySchema,
        definitions: &[Definition],
        provisioned: bool,
    ) -> Result<IndexDef, WireError> {
        let (partition, sort) = self.key(kind, table, definitions)?;
        let projection = self.shown()?;
        let provisioned = match kind {
            IndexKind::Global => self.units(provisioned)?,
            IndexKind::Local => None,
        };
        Ok(IndexDef {
            id: TableId(0),
            name: Name::from(self.name()),
            kind,
            partition,
            sort,
            projection,
            provisioned,
            added: false,
            dropped: false,
        })
    }
}

/// All indexes of a new table, checked in the service's order.
pub(super) fn to_engine(
    local: Option<&[Index]>,
    global: Option<&[Index]>,
    table: &KeySchema,
    definitions: &[Definition],
    provisioned: bool,
) -> Result<Vec<IndexDef>, WireError> {
    let mut made: Vec<IndexDef> = Vec::new();
    if local.is_some() && table.sort.is_none() {
        return Err(invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
                .to_owned(),
        ));
    }
    let kinds = [
        (
            local,
            IndexKind::Local,
            "LocalSecondaryIndexes",
            "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        ),
        (
            global,
            IndexKind::Global,
            "GlobalSecondaryIndexes",
            "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ),
    ];
    for (indexes, kind, list, too_many) in kinds {
        let Some(indexes) = indexes else { continue };
        if indexes.is_empty() {
            return Err(invalid(format!("List of {list} is empty")));
        }
        for index in indexes {
            let index = index.to_engine(kind, table, definitions, provisioned)?;
            if made.iter().any(|known| known.name == index.name) {
                return Err(invalid(format!("Duplicate index name: {}", index.name)));
            }
            made.push(index);
        }
        let most = if kind == IndexKind::Local { LOCAL } else { GLOBAL };
        if indexes.len() > most {
            return Err(invalid(too_many.to_owned()));
        }
    }
    all_used(table, &made, definitions)?;
    few_included(&made)?;
    Ok(made)
}

/// Every definition is of some key.
pub(super) fn all_used(
    table: &KeySchema,
    indexes: &[IndexDef],
    definitions: &[Definition],
) -> Result<(), WireError> {
    let used = |name: &str| table.contains(name) || indexes.iter().any(|index| index.contains(name));
    if definitions.iter().all(|definition| used(definition.name())) {
        return Ok(());
    }
    let mut names: Vec<_> = definitions.iter().map(Definition::name).collect();
    let mut keys: Vec<_> = names.iter().copied().filter(|name| used(name)).collect();
    names.sort_unstable();
    keys.sort_unstable();
    Err(invalid(format!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        names.join(", "),
        keys.join(", ")
    )))
}

fn few_included(indexes: &[IndexDef]) -> Result<(), WireError> {
    let included = indexes.iter().map(|index| match &index.projection {
        Projection::Include(names) => names.len(),
        _ => 0,
    });
    let count: usize = included.sum();
    if count > INCLUDED {
        return Err(invalid(format!(
            "Number of projected attributes exceeds the per-table limit of {INCLUDED}: {count}"
        )));
    }
    Ok(())
}

fn not_defined(names: &[&str], definitions: &[Definition]) -> WireError {
    let defined: Vec<_> = definitions.iter().map(Definition::name).collect();
    invalid(format!(
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
        names.join(", "),
        defined.join(", ")
    ))
}

fn invalid(what: String) -> WireError {
    WireError::validation(format!("One or more parameter values were invalid: {what}"))
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

/// Reads ProvisionedThroughput.
pub(super) fn throughput(wire: &mut Wire<'_>) -> Result<Option<Throughput>, DecodeError> {
    let (mut read, mut write) = (None, None);
    let given = wire.object(Expected::Member("ProvisionedThroughput"), |wire, name| {
        match name {
            "ReadCapacityUnits" => read = wire.integer("Long")?,
            "WriteCapacityUnits" => write = wire.integer("Long")?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    Ok(given.then_some((read, write)))
}

/// Constraints of an index's units.
pub(super) fn check_throughput(throughput: Option<Throughput>, at: &str, violations: &mut Violations) {
    let Some((read, write)) = throughput else { return };
    for (name, units) in [("writeCapacityUnits", write), ("readCapacityUnits", read)] {
        let place = format!("{at}.provisionedThroughput.{name}");
        violations.required(&place, &units);
        violations.range(&place, units, 1, None);
    }
}
