//! CreateTable.

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::index_schema::Index;
use super::request::Wire;
use super::table_description::Moment;
use super::table_schema::{Definition, Element, key_schema};
use super::table_settings::Settings;
use super::tag_list::Tag;
use super::units::{self, Of, When};
use super::{Call, named_table, new_indexes, table_description, tag_list};
use crate::engine::{CreateTable, TableSettings};
use crate::model::IndexKind;
use crate::model::dynamodb_json::DecodeError;

/// Members of the request.
#[derive(Debug, Default)]
struct Request {
    table: Option<String>,
    definitions: Option<Vec<Definition>>,
    schema: Option<Vec<Element>>,
    settings: Settings,
    local: Option<Vec<Index>>,
    global: Option<Vec<Index>>,
    tags: Option<Vec<Tag>>,
}

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut request = Request::default();
    Wire::read(call.body, |wire, name| request.member(wire, name))?;
    let table = named_table::required(request.table.as_deref())?;
    request.check()?;
    if let Some(parameter) = request.settings.not_yet {
        return Err(WireError::unsupported(parameter));
    }
    let provisioned = request.units()?;
    let deletion_protection = request.settings.protection.unwrap_or(false);
    let definitions = request.definitions.as_deref().unwrap_or_default();
    let (local, global) = (request.local.as_deref(), request.global.as_deref());
    let indexed = local.is_some() || global.is_some();
    let keys = key_schema(request.schema.as_deref().unwrap_or_default(), definitions, indexed)?;
    let indexes = if indexed {
        new_indexes::to_engine(local, global, &keys, definitions, provisioned.is_some())?
    } else {
        Vec::new()
    };
    let asked = &request.settings;
    let (read, write) = units::most(asked.on_demand, Of::Table, provisioned.is_some(), When::New)?;
    let settings = TableSettings {
        infrequent_access: asked.infrequent_access()?,
        kms_key: asked.kms_key()?.flatten(),
        on_demand_most: asked.on_demand.map(|_| (read.unwrap_or(-1), write.unwrap_or(-1))),
        warm: units::warmed(asked.warm, Of::Table, provisioned)?,
        stream: asked.stream(When::New)?.flatten(),
        tags: tag_list::by_key(request.tags.unwrap_or_default())?,
        indexes,
    };
    let request = CreateTable { table, keys, provisioned, deletion_protection, settings };
    let described = call.engine().create_table(call.authorize(request)).await?;
    Ok(table_description::answer(call, "TableDescription", &described, &Moment::of("CREATING")))
}

impl Request {
    fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<(), DecodeError> {
        match name {
            "TableName" => self.table = wire.string()?,
            "AttributeDefinitions" => self.definitions = Definition::list(wire)?,
            "KeySchema" => self.schema = Element::list(wire)?,
            "Tags" => self.tags = tag_list::read(wire)?,
            "LocalSecondaryIndexes" => self.local = Index::list(wire, "LocalSecondaryIndex")?,
            "GlobalSecondaryIndexes" => self.global = Index::list(wire, "GlobalSecondaryIndex")?,
            "VectorIndexes" => self.settings.refuse(wire, "VectorIndexes")?,
            "ResourcePolicy" => self.settings.refuse(wire, "ResourcePolicy")?,
            "GlobalTableSourceArn" => self.settings.refuse(wire, "GlobalTableSourceArn")?,
            "GlobalTableSettingsReplicationMode" => {
                self.settings.refuse(wire, "GlobalTableSettingsReplicationMode")?
            }
            _ if self.settings.member(wire, name)? => {}
            _ => wire.skip()?,
        }
        Ok(())
    }

    /// Constraints of the service model.
    fn check(&self) -> Result<(), WireError> {
        let mut violations = Violations::new();
        violations.required("attributeDefinitions", &self.definitions);
        for (at, definition) in (1..).zip(self.definitions.iter().flatten()) {
            definition.check(at, &mut violations);
        }
        self.settings.check(&mut violations);
        violations.required("keySchema", &self.schema);
        if let Some(schema) = &self.schema {
            violations.length("keySchema", &Element::shown(schema), schema.len(), 1, 2);
        }
        for (at, element) in (1..).zip(self.schema.iter().flatten()) {
            element.check(&format!("keySchema.{at}.member"), &mut violations);
        }
        for (list, kind, indexes) in [
            ("localSecondaryIndexes", IndexKind::Local, &self.local),
            ("globalSecondaryIndexes", IndexKind::Global, &self.global),
        ] {
            for (at, index) in (1..).zip(indexes.iter().flatten()) {
                index.check(kind, &format!("{list}.{at}.member"), &mut violations);
            }
        }
        violations.check()
    }

    /// Provisioned units; none for PAY_PER_REQUEST.
    fn units(&self) -> Result<Option<(u64, u64)>, WireError> {
        let wrong = |what: &str| Err(WireError::invalid(what));
        if self.settings.billing.as_deref() == Some("PAY_PER_REQUEST") {
            if self.settings.throughput.is_some() {
                return wrong(
                    "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
                );
            }
            return Ok(None);
        }
        let Some((Some(read), Some(write))) = self.settings.throughput else {
            return wrong(
                "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
            );
        };
        units::bounded((read, write), Of::Table).map(Some)
    }
}
