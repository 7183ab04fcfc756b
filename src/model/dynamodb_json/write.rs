//! Writing DynamoDB's JSON.

use super::super::image::{ImageError, MapRef, SetRef, ValueRef};
use super::super::json::{base64, number, string};
use super::super::value::{AttributeValue, Map};

pub(super) fn image(image: MapRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    let mut separator = b'{';
    for entry in image.iter() {
        let (name, value) = entry?;
        out.push(separator);
        separator = b',';
        string(name, out);
        out.push(b':');
        value_ref(value, out)?;
    }
    close(separator, b'{', b'}', out);
    Ok(())
}

pub(super) fn value_ref(value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    match value {
        ValueRef::S(text) => scalar_text(text, out),
        ValueRef::N(n) => scalar_number(|out| number(&n, out), out),
        ValueRef::B(bytes) => scalar_binary(bytes, out),
        ValueRef::Bool(yes) => out.extend_from_slice(boolean(yes)),
        ValueRef::Null => out.extend_from_slice(NULL),
        ValueRef::L(list) => {
            out.extend_from_slice(b"{\"L\":");
            let mut separator = b'[';
            for element in list.iter() {
                out.push(separator);
                separator = b',';
                value_ref(element?, out)?;
            }
            close(separator, b'[', b']', out);
            out.push(b'}');
        }
        ValueRef::M(map) => {
            out.extend_from_slice(b"{\"M\":");
            image(map, out)?;
            out.push(b'}');
        }
        ValueRef::SS(elements) => set(b"{\"SS\":", elements, out)?,
        ValueRef::NS(elements) => set(b"{\"NS\":", elements, out)?,
        ValueRef::BS(elements) => set(b"{\"BS\":", elements, out)?,
    }
    Ok(())
}

fn set(head: &[u8], elements: SetRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    out.extend_from_slice(head);
    let mut separator = b'[';
    for element in elements.iter() {
        out.push(separator);
        separator = b',';
        match element? {
            ValueRef::S(text) => string(text, out),
            ValueRef::N(n) => quoted(|out| number(&n, out), out),
            ValueRef::B(bytes) => base64(bytes, out),
            _ => return Err(ImageError),
        }
    }
    close(separator, b'[', b']', out);
    out.push(b'}');
    Ok(())
}

pub(super) fn item(item: &Map, out: &mut Vec<u8>) {
    let mut separator = b'{';
    for (name, member) in item.iter() {
        out.push(separator);
        separator = b',';
        string(name, out);
        out.push(b':');
        value(member, out);
    }
    close(separator, b'{', b'}', out);
}

pub(super) fn value(value: &AttributeValue, out: &mut Vec<u8>) {
    match value {
        AttributeValue::S(text) => scalar_text(text, out),
        AttributeValue::N(n) => scalar_number(|out| number(n, out), out),
        AttributeValue::B(bytes) => scalar_binary(bytes, out),
        AttributeValue::Bool(yes) => out.extend_from_slice(boolean(*yes)),
        AttributeValue::Null => out.extend_from_slice(NULL),
        AttributeValue::L(list) => elements(b"{\"L\":", list, self::value, out),
        AttributeValue::M(map) => {
            out.extend_from_slice(b"{\"M\":");
            item(map, out);
            out.push(b'}');
        }
        AttributeValue::SS(set) => elements(b"{\"SS\":", set.as_slice(), |text, out| string(text, out), out),
        AttributeValue::NS(set) => {
            elements(b"{\"NS\":", set.as_slice(), |n, out| quoted(|out| number(n, out), out), out);
        }
        AttributeValue::BS(set) => {
            elements(b"{\"BS\":", set.as_slice(), |bytes, out| base64(bytes, out), out)
        }
    }
}

fn elements<T>(head: &[u8], list: &[T], each: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.extend_from_slice(head);
    let mut separator = b'[';
    for element in list {
        out.push(separator);
        separator = b',';
        each(element, out);
    }
    close(separator, b'[', b']', out);
    out.push(b'}');
}

const NULL: &[u8] = b"{\"NULL\":true}";

fn boolean(yes: bool) -> &'static [u8] {
    if yes { b"{\"BOOL\":true}" } else { b"{\"BOOL\":false}" }
}

fn scalar_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"S\":");
    string(text, out);
    out.push(b'}');
}

fn scalar_number(digits: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"N\":");
    quoted(digits, out);
    out.push(b'}');
}

fn scalar_binary(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"B\":");
    base64(bytes, out);
    out.push(b'}');
}

fn quoted(write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// Ends a list or an object; opens it first if nothing has been written into it.
fn close(separator: u8, open: u8, close: u8, out: &mut Vec<u8>) {
    if separator == open {
        out.push(open);
    }
    out.push(close);
}
