//! Item sizes by DynamoDB's accounting (developer guide, "DynamoDB item sizes and formats"; the exact size of a number
//! as DynamoDB Local and dynalite count it).

use super::image::{ImageError, ListRef, MapRef, SetRef, ValueRef};
use super::number::Number;
use super::value::{AttributeValue, Map};

/// A list or a map, whatever is in it.
const CONTAINER: usize = 3;
/// Each element of a list or a map that is not the item itself.
const ELEMENT: usize = 1;

/// An item's size in bytes: names and values.
pub fn item_size(item: &Map) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

/// The same, from an image, without decoding it. Of an image that is damaged, what can be read.
pub fn image_size(image: MapRef<'_>) -> usize {
    let mut size = 0;
    let _ = add_map(image, 0, &mut size);
    size
}

/// The size of some of an image's attributes. Of an image that is damaged, what can be read.
pub fn part_size(image: MapRef<'_>, mut wanted: impl FnMut(&str) -> bool) -> usize {
    let mut size = 0;
    for (name, value) in image.iter().map_while(Result::ok).filter(|(name, _)| wanted(name)) {
        size += name.len();
        let _ = add_value(value, &mut size);
    }
    size
}

/// A value's size in bytes.
pub fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number_size(number),
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::Bool(_) | AttributeValue::Null => 1,
        AttributeValue::L(list) => {
            CONTAINER + list.iter().map(|value| ELEMENT + value_size(value)).sum::<usize>()
        }
        AttributeValue::M(map) => CONTAINER + ELEMENT * map.len() + item_size(map),
        AttributeValue::SS(set) => set.as_slice().iter().map(|text| text.len()).sum(),
        AttributeValue::NS(set) => set.as_slice().iter().map(number_size).sum(),
        AttributeValue::BS(set) => set.as_slice().iter().map(Vec::len).sum(),
    }
}

/// A number's size in bytes: a byte for every two digits, counted in pairs from the decimal point, and one more; one
/// more again when negative. Zero takes one.
pub fn number_size(number: &Number) -> usize {
    let digits = number.digits() as usize;
    if digits == 0 {
        return 1;
    }
    // An even count of digits that begins in the middle of a pair ends in the middle of one.
    let split = digits.is_multiple_of(2) && number.scientific_exponent() % 2 == 0;
    1 + digits.div_ceil(2) + usize::from(split) + usize::from(number.is_negative())
}

fn add_map(map: MapRef<'_>, overhead: usize, size: &mut usize) -> Result<(), ImageError> {
    for entry in map.iter() {
        let (name, value) = entry?;
        *size += overhead + name.len();
        add_value(value, size)?;
    }
    Ok(())
}

fn add_list(list: ListRef<'_>, size: &mut usize) -> Result<(), ImageError> {
    for value in list.iter() {
        *size += ELEMENT;
        add_value(value?, size)?;
    }
    Ok(())
}

fn add_set(set: SetRef<'_>, size: &mut usize) -> Result<(), ImageError> {
    for value in set.iter() {
        add_value(value?, size)?;
    }
    Ok(())
}

fn add_value(value: ValueRef<'_>, size: &mut usize) -> Result<(), ImageError> {
    match value {
        ValueRef::S(text) => *size += text.len(),
        ValueRef::N(number) => *size += number_size(&number),
        ValueRef::B(bytes) => *size += bytes.len(),
        ValueRef::Bool(_) | ValueRef::Null => *size += 1,
        ValueRef::L(list) => {
            *size += CONTAINER;
            add_list(list, size)?;
        }
        ValueRef::M(map) => {
            *size += CONTAINER;
            add_map(map, ELEMENT, size)?;
        }
        ValueRef::SS(set) | ValueRef::NS(set) | ValueRef::BS(set) => add_set(set, size)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
