//! Updates, bound: what each path becomes.

use std::sync::Arc;

use super::constant::Constant;
use super::error::Fault;
use super::path::Path;
use super::placeholders::Placeholders;
use super::projection::Projection;
use super::syntax::{self, Call, Section, SetValue, Sign};
use super::trie::{Builder, Node, Trie};
use crate::model::{AttributeValue, Name};

/// An UpdateExpression, or AttributeUpdates, ready to be made on items.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub(super) actions: Trie<Action>,
    touched: Projection,
    /// Type mismatches are reported in the words of AttributeUpdates.
    pub(super) legacy: bool,
}

/// What happens where a path ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Set(Value),
    Remove,
    /// Adds to a number, or to a set; AttributeUpdates also appends to a list.
    Add(Arc<Constant>),
    /// Takes elements out of a set.
    Delete(Arc<Constant>),
}

/// What SET sets: values come from the item as it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Path(Path),
    Constant(Arc<Constant>),
    IfNotExists(Path, Box<Value>),
    ListAppend(Box<[Value; 2]>),
    Sum(Sign, Box<[Value; 2]>),
}

impl Update {
    /// The attributes that it changes, or changes something inside of.
    pub fn changed(&self) -> impl Iterator<Item = &Name> {
        self.actions.0.iter().map(|(name, _)| name)
    }

    /// Whether it makes an item where there is none: not if all it does is take away.
    pub fn creates(&self) -> bool {
        fn only_removes(node: &Node<Action>) -> bool {
            match node {
                Node::Leaf(action) => matches!(action, Action::Remove | Action::Delete(_)),
                Node::Names(members) => members.iter().all(|(_, node)| only_removes(node)),
                Node::Indexes(elements) => elements.iter().all(|(_, node)| only_removes(node)),
            }
        }
        self.actions.0.is_empty() || !self.actions.0.iter().all(|(_, node)| only_removes(node))
    }

    /// The attributes inside of which it changes something, or from inside of which it takes a value.
    pub fn looked_inside(&self) -> Vec<&Name> {
        let mut found = Vec::new();
        for (name, node) in &self.actions.0 {
            if !matches!(node, Node::Leaf(_)) {
                found.push(name);
            }
            sources(node, &mut found);
        }
        found
    }

    /// The paths that it changes: of the old item they are UPDATED_OLD, of the new one UPDATED_NEW.
    pub fn touched(&self) -> &Projection {
        &self.touched
    }
}

/// What is written of one path.
enum Written<'u, 't> {
    Set(&'u SetValue<'t>),
    Remove,
    Add(&'t str),
    Delete(&'t str),
}

/// Binds an update, as the service does: first all paths and what they overlap with, then what happens there; each time
/// the last action first.
pub(super) fn bind(update: &syntax::Update<'_>, to: &mut Placeholders) -> Result<Update, Fault> {
    let mut written = Vec::new();
    for section in &update.0 {
        match section {
            Section::Set(all) => written.extend(all.iter().map(|(path, value)| (path, Written::Set(value)))),
            Section::Remove(all) => written.extend(all.iter().map(|path| (path, Written::Remove))),
            Section::Add(all) => written.extend(all.iter().map(|(path, key)| (path, Written::Add(key)))),
            Section::Delete(all) => {
                written.extend(all.iter().map(|(path, key)| (path, Written::Delete(key))))
            }
        }
    }
    let mut building = Building::new();
    let mut paths = Vec::with_capacity(written.len());
    for (path, _) in written.iter().rev() {
        paths.push(building.touch(to.path(path)?)?);
    }
    for ((_, written), path) in written.iter().rev().zip(paths) {
        let action = match written {
            Written::Set(value) => Action::Set(set_value(value, to)?),
            Written::Remove => Action::Remove,
            Written::Add(key) => Action::Add(clause_operand("ADD", to.value(key)?)?),
            Written::Delete(key) => Action::Delete(clause_operand("DELETE", to.value(key)?)?),
        };
        building.act(path, action)?;
    }
    Ok(building.finish(false))
}

/// An update while it is put together.
pub(super) struct Building {
    touched: Builder<()>,
    actions: Builder<Action>,
}

impl Building {
    pub(super) fn new() -> Building {
        Building { touched: Builder::new(), actions: Builder::new() }
    }

    /// A path that no other one may overlap with.
    pub(super) fn touch(&mut self, path: Path) -> Result<Path, Fault> {
        self.touched.insert(path.clone(), ())?;
        Ok(path)
    }

    /// What happens at a path that has been touched.
    pub(super) fn act(&mut self, path: Path, action: Action) -> Result<(), Fault> {
        self.actions.insert(path, action)
    }

    pub(super) fn finish(self, legacy: bool) -> Update {
        Update { actions: self.actions.finish(), touched: Projection::of_paths(self.touched), legacy }
    }
}

/// The operand of ADD or DELETE: a set, and for ADD a number too.
fn clause_operand(clause: &'static str, value: Arc<Constant>) -> Result<Arc<Constant>, Fault> {
    match refuse_operand(clause, value.value()) {
        Some(fault) => Err(fault),
        None => Ok(value),
    }
}

/// The attributes from inside of which values come.
fn sources<'u>(node: &'u Node<Action>, found: &mut Vec<&'u Name>) {
    match node {
        Node::Leaf(Action::Set(value)) => value.sources(found),
        Node::Leaf(_) => {}
        Node::Names(members) => members.iter().for_each(|(_, node)| sources(node, found)),
        Node::Indexes(elements) => elements.iter().for_each(|(_, node)| sources(node, found)),
    }
}

impl Value {
    fn sources<'u>(&'u self, found: &mut Vec<&'u Name>) {
        let mut path = |path: &'u Path| {
            if !path.inside.is_empty() {
                found.push(&path.attribute);
            }
        };
        match self {
            Value::Constant(_) => {}
            Value::Path(source) => path(source),
            Value::IfNotExists(source, otherwise) => {
                path(source);
                otherwise.sources(found);
            }
            Value::ListAppend(operands) | Value::Sum(_, operands) => {
                operands.iter().for_each(|operand| operand.sources(found));
            }
        }
    }
}

/// What is wrong with a value as the operand of ADD or DELETE.
fn refuse_operand(clause: &'static str, value: &AttributeValue) -> Option<Fault> {
    let found = match value {
        AttributeValue::S(_) => "STRING",
        AttributeValue::N(_) if clause == "ADD" => return None,
        AttributeValue::N(_) => "NUMBER",
        AttributeValue::B(_) => "BINARY",
        AttributeValue::Bool(_) => "BOOLEAN",
        AttributeValue::Null => "NULL",
        AttributeValue::L(_) => "LIST",
        AttributeValue::M(_) => "MAP",
        AttributeValue::SS(_) | AttributeValue::NS(_) | AttributeValue::BS(_) => return None,
    };
    let set = if clause == "ADD" { "ALLOWED_FOR_ADD_OPERAND" } else { "ALLOWED_FOR_DELETE_OPERAND" };
    Some(Fault::ClauseOperandType { clause, found, set })
}

fn set_value(value: &SetValue<'_>, to: &mut Placeholders) -> Result<Value, Fault> {
    match value {
        SetValue::Operand(written) => operand(written, to),
        SetValue::Sum(sign, left, right) => {
            let operands = [operand(left, to)?, operand(right, to)?];
            of_type(sign.text(), "N", &operands)?;
            Ok(Value::Sum(*sign, Box::new(operands)))
        }
    }
}

fn operand(written: &syntax::Operand<'_>, to: &mut Placeholders) -> Result<Value, Fault> {
    Ok(match written {
        syntax::Operand::Path(path) => Value::Path(to.path(path)?),
        syntax::Operand::Value(key) => Value::Constant(to.value(key)?),
        syntax::Operand::Call(call) if call.name == "list_append" => {
            let operands = operands("list_append", call, to)?;
            of_type("list_append", "L", &operands)?;
            Value::ListAppend(Box::new(operands))
        }
        // There are no other two.
        syntax::Operand::Call(call) => {
            let [path, otherwise] = operands("if_not_exists", call, to)?;
            let Value::Path(path) = path else { return Err(Fault::PathRequired("if_not_exists")) };
            if matches!(&otherwise, Value::Path(other) if *other == path) {
                return Err(Fault::NotDistinct { operator: "if_not_exists", path: path.to_string() });
            }
            Value::IfNotExists(path, Box::new(otherwise))
        }
    })
}

fn operands(name: &'static str, call: &Call<'_>, to: &mut Placeholders) -> Result<[Value; 2], Fault> {
    let bound = call.operands.iter().map(|written| operand(written, to)).collect::<Result<Vec<_>, _>>()?;
    bound.try_into().map_err(|bound: Vec<_>| Fault::OperandCount { name, count: bound.len() })
}

/// Constants among the operands must have this type.
fn of_type(name: &'static str, wanted: &str, operands: &[Value]) -> Result<(), Fault> {
    for operand in operands {
        if let Value::Constant(constant) = operand
            && constant.value().type_name() != wanted
        {
            return Err(Fault::OperandType { name, found: constant.value().type_name() });
        }
    }
    Ok(())
}
