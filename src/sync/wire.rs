//! BatchWriteItem's wire form: the request straight from images into one buffer, and `UnprocessedItems` back.

use jiter::{Jiter, Peek};

use super::batch::Picked;
use crate::model::dynamodb_json::{read_item, write_image, write_string};
use crate::model::{Image, MapRef};
use crate::store::Kind;

#[cfg(test)]
mod tests;

/// A request's body, and how many of the batch's changes it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Body {
    /// JSON.
    pub bytes: Vec<u8>,
    /// The places (in the batch as given) of the changes in it.
    pub taken: Vec<usize>,
    /// Changes whose image can't be read: nothing can ever be sent of them.
    pub unreadable: Vec<usize>,
}

/// Writes the request. Changes that do not fit `limit` bytes are left out; one always goes.
pub fn batch_write(batch: &[Picked], limit: usize) -> Body {
    let mut order: Vec<usize> = (0..batch.len()).collect();
    order.sort_by_key(|place| batch.get(*place).map(|picked| picked.change.route.lane));
    let images: usize = batch.iter().map(|picked| picked.change.image.len()).sum();
    let mut body =
        Body { bytes: Vec::with_capacity(images * 2 + 256), taken: Vec::new(), unreadable: Vec::new() };
    let out = &mut body.bytes;
    out.extend_from_slice(br#"{"RequestItems":{"#);
    let mut lane = None;
    for place in order {
        let Some(picked) = batch.get(place) else { continue };
        let before = out.len();
        if lane == Some(picked.change.route.lane) {
            out.push(b',');
        } else {
            if lane.is_some() {
                out.extend_from_slice(b"],");
            }
            write_string(&picked.change.route.upstream, out);
            out.extend_from_slice(b":[");
        }
        if !write_change(picked, out) {
            out.truncate(before);
            body.unreadable.push(place);
            continue;
        }
        // `]}}` must fit as well.
        if out.len() + 3 > limit && !body.taken.is_empty() {
            out.truncate(before);
            continue;
        }
        lane = Some(picked.change.route.lane);
        body.taken.push(place);
    }
    if lane.is_some() {
        out.push(b']');
    }
    out.extend_from_slice(b"}}");
    body
}

fn write_change(picked: &Picked, out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(match picked.change.kind {
        Kind::Put => br#"{"PutRequest":{"Item":"#.as_slice(),
        Kind::Delete => br#"{"DeleteRequest":{"Key":"#.as_slice(),
    });
    let change = &picked.change;
    let sent = change.route.sent(&change.image);
    let written = sent.is_ok_and(|sent| write_image(MapRef::new(&sent), out).is_ok());
    out.extend_from_slice(b"}}");
    written
}

/// The places (in the batch) of the changes that the upstream did not process.
pub fn unprocessed(body: &[u8], batch: &[Picked]) -> Result<Vec<usize>, String> {
    let mut json = Jiter::new(body);
    let mut back = None;
    let mut next = json.next_object().map_err(|e| e.to_string())?.map(str::to_owned);
    while let Some(name) = next {
        if name == "UnprocessedItems" {
            back = Some(tables(&mut json, batch)?);
        } else {
            json.next_skip().map_err(|e| e.to_string())?;
        }
        next = json.next_key().map_err(|e| e.to_string())?.map(str::to_owned);
    }
    json.finish().map_err(|e| e.to_string())?;
    let mut back = back.ok_or_else(|| "no UnprocessedItems".to_owned())?;
    back.sort_unstable();
    back.dedup();
    Ok(back)
}

fn tables(json: &mut Jiter<'_>, batch: &[Picked]) -> Result<Vec<usize>, String> {
    let mut back = Vec::new();
    let mut table = json.next_object().map_err(|e| e.to_string())?.map(str::to_owned);
    while let Some(name) = table {
        let mut element = json.next_array().map_err(|e| e.to_string())?;
        while element.is_some() {
            let (kind, image) = request(json)?;
            let found = batch.iter().position(|picked| {
                let change = &picked.change;
                change.route.upstream == name
                    && change.kind == kind
                    && change.route.sent(&change.image).is_ok_and(|sent| *sent == **image.bytes())
            });
            match found {
                Some(place) => back.push(place),
                // It speaks of something it did not get from us in this form: all go again, which is harmless.
                None => back.extend(0..batch.len()),
            }
            element = json.array_step().map_err(|e| e.to_string())?;
        }
        table = json.next_key().map_err(|e| e.to_string())?.map(str::to_owned);
    }
    Ok(back)
}

/// `{"PutRequest": {"Item": …}}` or `{"DeleteRequest": {"Key": …}}`; moto and others add a null for the other one.
fn request(json: &mut Jiter<'_>) -> Result<(Kind, Image), String> {
    let mut found = None;
    let mut next = json.next_object().map_err(|e| e.to_string())?.map(str::to_owned);
    while let Some(name) = next {
        let kind = if name == "DeleteRequest" { Kind::Delete } else { Kind::Put };
        if json.peek().map_err(|e| e.to_string())? == Peek::Null {
            json.next_null().map_err(|e| e.to_string())?;
        } else {
            json.next_object().map_err(|e| e.to_string())?;
            let item = read_item(json).map_err(|e| e.to_string())?;
            found = Some((kind, Image::encode(&item)));
            if json.next_key().map_err(|e| e.to_string())?.is_some() {
                return Err("an unprocessed request of more than one item".to_owned());
            }
        }
        next = json.next_key().map_err(|e| e.to_string())?.map(str::to_owned);
    }
    found.ok_or_else(|| "an unprocessed request without an item".to_owned())
}
