//! What Query and Scan share: paging parameters, and the page's JSON.

use bytes::Bytes;

use super::Call;
use super::capacity::{IndexUnits, Report, Units};
use super::constraint::Violations;
use super::error::WireError;
use super::expressions::{Expressions, Takes};
use super::json::{Object, list};
use super::parameter::Shared;
use super::request::Wire;
use crate::engine::{Capacity, OfIndex, Page, Selection};
use crate::expression::{Condition, Projection};
use crate::http::memory::Share;
use crate::model::dynamodb_json::{self, DecodeError, InvalidValue};
use crate::model::{Map, TableName, limits};

/// What a page may hold while it is answered: the rows, and about three times that as JSON.
const MEMORY: usize = 4 * limits::FULL_PAGE;

/// What the service says where specific attributes are to be selected and none is named.
pub(super) const UNSPECIFIC: &str =
    "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES";

/// Parameters of both.
#[derive(Debug)]
pub(super) struct Paging {
    pub(super) table: Option<String>,
    pub(super) limit: Option<i64>,
    pub(super) start: Option<Map>,
    wrong_start: Option<InvalidValue>,
    index: Option<String>,
    select: Option<String>,
    consistent: Option<bool>,
    pub(super) shared: Shared,
    pub(super) expressions: Expressions,
}

impl Paging {
    /// Nothing yet, of what an operation takes.
    pub(super) fn new(takes: &'static Takes) -> Paging {
        Paging {
            table: None,
            limit: None,
            start: None,
            wrong_start: None,
            index: None,
            select: None,
            consistent: None,
            shared: Shared::default(),
            expressions: Expressions::new(takes),
        }
    }

    /// Reads a member that is not the operation's own.
    pub(super) fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<(), DecodeError> {
        match name {
            "TableName" => self.table = wire.string()?,
            "IndexName" => self.index = wire.string()?,
            "Limit" => self.limit = wire.integer("Integer")?,
            "ExclusiveStartKey" => (self.start, self.wrong_start) = wire.apart(Wire::item)?,
            "Select" => self.select = wire.string()?,
            "ConsistentRead" => self.consistent = wire.boolean()?,
            _ if self.expressions.member(wire, name)? => {}
            _ => self.shared.member(wire, name)?,
        }
        Ok(())
    }

    /// Whether an index is to be read.
    pub(super) fn of_index(&self) -> bool {
        self.index.is_some()
    }

    /// The index to read, as the engine takes it.
    pub(super) fn engine_index(&self) -> Option<OfIndex> {
        self.index.as_ref().map(|name| OfIndex {
            name: name.clone(),
            consistent: self.consistent.unwrap_or(false),
            all_attributes: self.select.as_deref() == Some("ALL_ATTRIBUTES"),
        })
    }

    /// Constraints of Select and IndexName.
    pub(super) fn check_select(&self, violations: &mut Violations) {
        if let Some(index) = &self.index {
            violations.name("indexName", index);
        }
        let words = ["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"];
        violations.one_of("select", self.select.as_deref(), &words);
    }

    /// Refuses an ExclusiveStartKey with a wrong value: after the legacy filter, before everything else.
    pub(super) fn check_start(&self) -> Result<(), WireError> {
        match &self.wrong_start {
            None => Ok(()),
            Some(fault) if fault.names_starting_key() => {
                Err(WireError::validation(format!("The provided starting key is invalid: {fault}")))
            }
            Some(fault) => Err(WireError::validation(self.expressions.words(fault))),
        }
    }

    /// Refuses what Select can't mean with or without a projection or an index.
    pub(super) fn check_selection(&self, projecting: Option<&str>) -> Result<(), WireError> {
        let select = self.select.as_deref();
        if let (Some(projecting), Some(select)) = (projecting, select)
            && select != "SPECIFIC_ATTRIBUTES"
        {
            let wanted = if select == "COUNT" { "only the Count" } else { select };
            return Err(WireError::validation(format!(
                "Cannot specify the {projecting} when choosing to get {wanted}"
            )));
        }
        match select {
            Some("SPECIFIC_ATTRIBUTES") if projecting.is_none() => Err(WireError::validation(UNSPECIFIC)),
            Some("ALL_PROJECTED_ATTRIBUTES") if self.index.is_none() => Err(WireError::validation(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            )),
            _ => Ok(()),
        }
    }

    /// What the engine keeps of the rows.
    pub(super) fn selection(&self, filter: Option<Condition>, projection: Option<Projection>) -> Selection {
        Selection { filter, projection, count_only: self.select.as_deref() == Some("COUNT") }
    }

    /// The limit as the engine takes it.
    pub(super) fn engine_limit(&self) -> Option<usize> {
        self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// The memory of a page.
    pub(super) async fn share(&self, call: &Call<'_>) -> Result<Share, WireError> {
        let few = self.engine_limit().unwrap_or(usize::MAX).saturating_mul(4 * limits::ITEM_SIZE);
        Ok(call.answers().take(few.min(MEMORY)).await?)
    }

    /// Refuses a page of a table, or of a global index, that has no capacity left.
    pub(super) fn admit(&self, call: &Call<'_>, table: &TableName) -> Result<(), WireError> {
        call.admit_read(table, self.index.as_deref())
    }

    /// Takes what a page has cost.
    pub(super) fn spend(&self, call: &Call<'_>, page: &Page) {
        let (own, indexes) = self.parts(page);
        call.spend_with(&page.table, Capacity::Read, own, &indexes);
    }

    /// What a page has cost the table itself, and the index.
    fn parts(&self, page: &Page) -> (Units, Vec<IndexUnits>) {
        let consistent = self.consistent.unwrap_or(false);
        let units = Units::read(page.size, consistent);
        match &page.index {
            Some((name, kind)) => {
                (Units::reads(page.fetched_units, consistent), vec![(name.clone(), *kind, units)])
            }
            None => (units, Vec::new()),
        }
    }

    /// The page's JSON.
    pub(super) fn answer(&self, page: &Page, share: Share) -> Result<Bytes, WireError> {
        let mut out = Vec::with_capacity(page.size.saturating_mul(2) + 128);
        let mut answer = Object::open(&mut out);
        answer.plain("Count", page.count);
        if self.select.as_deref() != Some("COUNT") {
            list(&page.items, answer.member("Items"), |item, out| {
                dynamodb_json::write_image(item.as_map(), out)
            })?;
        }
        if let Some(last) = &page.last {
            dynamodb_json::write_item(last, answer.member("LastEvaluatedKey"));
        }
        answer.plain("ScannedCount", page.scanned);
        let report = self.shared.report();
        if report != Report::None {
            let (units, indexes) = self.parts(page);
            let table = page.table.name.as_str();
            report.write_with(table, units, &indexes, answer.member("ConsumedCapacity"));
        }
        answer.close();
        Ok(share.cover(out))
    }
}
