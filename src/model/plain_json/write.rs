//! Writing plain JSON.

use super::super::image::{ImageError, MapRef, ValueRef};
use super::super::json::{base64, number, string};
use super::super::value::{AttributeValue, Map};

pub(super) fn image(image: MapRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    out.push(b'{');
    for (at, entry) in image.iter().enumerate() {
        let (name, value) = entry?;
        separate(at, out);
        string(name, out);
        out.push(b':');
        value_ref(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

pub(super) fn value_ref(value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    match value {
        ValueRef::S(text) => string(text, out),
        ValueRef::N(n) => number(&n, out),
        ValueRef::B(bytes) => base64(bytes, out),
        ValueRef::Bool(yes) => out.extend_from_slice(boolean(yes)),
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::L(list) => array_ref(list.iter(), out)?,
        ValueRef::M(map) => image(map, out)?,
        ValueRef::SS(set) | ValueRef::NS(set) | ValueRef::BS(set) => array_ref(set.iter(), out)?,
    }
    Ok(())
}

fn array_ref<'a>(
    elements: impl Iterator<Item = Result<ValueRef<'a>, ImageError>>,
    out: &mut Vec<u8>,
) -> Result<(), ImageError> {
    out.push(b'[');
    for (at, element) in elements.enumerate() {
        separate(at, out);
        value_ref(element?, out)?;
    }
    out.push(b']');
    Ok(())
}

pub(super) fn map(item: &Map, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, member)) in item.iter().enumerate() {
        separate(at, out);
        string(name, out);
        out.push(b':');
        value(member, out);
    }
    out.push(b'}');
}

pub(super) fn value(value: &AttributeValue, out: &mut Vec<u8>) {
    match value {
        AttributeValue::S(text) => string(text, out),
        AttributeValue::N(n) => number(n, out),
        AttributeValue::B(bytes) => base64(bytes, out),
        AttributeValue::Bool(yes) => out.extend_from_slice(boolean(*yes)),
        AttributeValue::Null => out.extend_from_slice(b"null"),
        AttributeValue::L(list) => array(list, self::value, out),
        AttributeValue::M(inner) => map(inner, out),
        AttributeValue::SS(set) => array(set.as_slice(), |text, out| string(text, out), out),
        AttributeValue::NS(set) => array(set.as_slice(), number, out),
        AttributeValue::BS(set) => array(set.as_slice(), |bytes, out| base64(bytes, out), out),
    }
}

fn array<T>(elements: &[T], each: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, element) in elements.iter().enumerate() {
        separate(at, out);
        each(element, out);
    }
    out.push(b']');
}

fn separate(at: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
}

fn boolean(yes: bool) -> &'static [u8] {
    if yes { b"true" } else { b"false" }
}
