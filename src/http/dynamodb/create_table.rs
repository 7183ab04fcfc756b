//! CreateTable.

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use super::table_schema::{Definition, Element, key_schema};
use super::{Call, named_table, table_description};
use crate::engine::CreateTable;
use crate::model::dynamodb_json::DecodeError;

/// The most units of either kind.
const MOST_UNITS: i64 = 1_000_000_000_000;

/// Read and write units, as they are given.
type Throughput = (Option<i64>, Option<i64>);

/// Members of the request.
#[derive(Debug, Default)]
struct Request {
    table: Option<String>,
    definitions: Option<Vec<Definition>>,
    schema: Option<Vec<Element>>,
    billing: Option<String>,
    throughput: Option<Throughput>,
    protection: Option<bool>,
    not_yet: Option<&'static str>,
}

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut request = Request::default();
    Wire::read(call.body, |wire, name| request.member(wire, name))?;
    let table = named_table::required(request.table.as_deref())?;
    request.check()?;
    if let Some(parameter) = request.not_yet {
        return Err(WireError::unsupported(parameter));
    }
    let provisioned = request.units()?;
    let definitions = request.definitions.unwrap_or_default();
    let keys = key_schema(&request.schema.unwrap_or_default(), &definitions)?;
    let request = CreateTable {
        table,
        keys,
        provisioned,
        deletion_protection: request.protection.unwrap_or(false),
        indexes: Vec::new(),
    };
    let described = call.engine().create_table(call.authorize(request)).await?;
    Ok(table_description::answer(call, "TableDescription", &described, "CREATING"))
}

impl Request {
    fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<(), DecodeError> {
        match name {
            "TableName" => self.table = wire.string()?,
            "AttributeDefinitions" => self.definitions = Definition::list(wire)?,
            "KeySchema" => self.schema = Element::list(wire)?,
            "BillingMode" => self.billing = wire.string()?,
            "ProvisionedThroughput" => self.throughput = throughput(wire)?,
            "DeletionProtectionEnabled" => self.protection = wire.boolean()?,
            "SSESpecification" => self.switch(wire, "SSESpecification", "Enabled")?,
            "StreamSpecification" => self.switch(wire, "StreamSpecification", "StreamEnabled")?,
            "Tags" => {
                let mut some = false;
                wire.list(|wire| {
                    some = true;
                    wire.skip()
                })?;
                self.refuse("Tags", some);
            }
            "TableClass" => {
                let class = wire.string()?;
                self.refuse("TableClass", class.is_some_and(|class| class != "STANDARD"));
            }
            "WarmThroughput" => self.given(wire, "WarmThroughput")?,
            "OnDemandThroughput" => self.given(wire, "OnDemandThroughput")?,
            "LocalSecondaryIndexes" => self.given(wire, "LocalSecondaryIndexes")?,
            "GlobalSecondaryIndexes" => self.given(wire, "GlobalSecondaryIndexes")?,
            "VectorIndexes" => self.given(wire, "VectorIndexes")?,
            "ResourcePolicy" => self.given(wire, "ResourcePolicy")?,
            "GlobalTableSourceArn" => self.given(wire, "GlobalTableSourceArn")?,
            "GlobalTableSettingsReplicationMode" => self.given(wire, "GlobalTableSettingsReplicationMode")?,
            _ => wire.skip()?,
        }
        Ok(())
    }

    fn refuse(&mut self, parameter: &'static str, refused: bool) {
        if refused {
            self.not_yet = self.not_yet.or(Some(parameter));
        }
    }

    fn given(&mut self, wire: &mut Wire<'_>, parameter: &'static str) -> Result<(), DecodeError> {
        let given = wire.given()?;
        self.refuse(parameter, given);
        Ok(())
    }

    /// A structure that asks for nothing as long as its switch is off.
    fn switch(&mut self, wire: &mut Wire<'_>, class: &'static str, member: &str) -> Result<(), DecodeError> {
        let mut asks = false;
        wire.object(Expected::Member(class), |wire, name| {
            asks |= if name == member { wire.boolean()? == Some(true) } else { wire.given()? };
            Ok(())
        })?;
        self.refuse(class, asks);
        Ok(())
    }

    /// Constraints of the service model.
    fn check(&self) -> Result<(), WireError> {
        let mut violations = Violations::new();
        violations.required("attributeDefinitions", &self.definitions);
        for (at, definition) in (1..).zip(self.definitions.iter().flatten()) {
            definition.check(at, &mut violations);
        }
        violations.one_of("billingMode", self.billing.as_deref(), &["PROVISIONED", "PAY_PER_REQUEST"]);
        if let Some((read, write)) = self.throughput {
            for (at, units) in [("writeCapacityUnits", write), ("readCapacityUnits", read)] {
                let at = format!("provisionedThroughput.{at}");
                violations.required(&at, &units);
                violations.range(&at, units, 1, None);
            }
        }
        violations.required("keySchema", &self.schema);
        if let Some(schema) = &self.schema {
            violations.length("keySchema", &Element::shown(schema), schema.len(), 1, 2);
        }
        for (at, element) in (1..).zip(self.schema.iter().flatten()) {
            element.check(at, &mut violations);
        }
        violations.check()
    }

    /// Provisioned units; none for PAY_PER_REQUEST.
    fn units(&self) -> Result<Option<(u64, u64)>, WireError> {
        let wrong = |what: &str| {
            Err(WireError::validation(format!("One or more parameter values were invalid: {what}")))
        };
        if self.billing.as_deref() == Some("PAY_PER_REQUEST") {
            if self.throughput.is_some() {
                return wrong(
                    "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
                );
            }
            return Ok(None);
        }
        let Some((Some(read), Some(write))) = self.throughput else {
            return wrong(
                "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
            );
        };
        for (name, units) in [("ReadCapacityUnits", read), ("WriteCapacityUnits", write)] {
            if units > MOST_UNITS {
                return Err(WireError::validation(format!(
                    "Given value {units} for {name} is out of bounds"
                )));
            }
        }
        Ok(Some((read.unsigned_abs(), write.unsigned_abs())))
    }
}

fn throughput(wire: &mut Wire<'_>) -> Result<Option<Throughput>, DecodeError> {
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
