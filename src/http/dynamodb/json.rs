//! Writing answers, member by member, into one buffer.

use crate::model::dynamodb_json::write_string;

/// A JSON object while it is written.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens an object at the end of a buffer.
    pub(super) fn open(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, first: true }
    }

    /// A member's name; its value goes into the buffer that is returned.
    pub(super) fn member(&mut self, name: &str) -> &mut Vec<u8> {
        self.begin();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A member whose name comes from outside.
    pub(super) fn named(&mut self, name: &str) -> &mut Vec<u8> {
        self.begin();
        write_string(name, self.out);
        self.out.push(b':');
        self.out
    }

    fn begin(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    /// A member that is an object.
    pub(super) fn object(&mut self, name: &str) -> Object<'_> {
        Object::open(self.member(name))
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        write_string(value, self.member(name));
    }

    /// A number or boolean, as it prints.
    pub(super) fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        self.member(name).extend_from_slice(value.to_string().as_bytes());
    }

    /// Closes it.
    pub(super) fn close(self) {
        self.out.push(b'}');
    }
}

/// Appends a list; `write` appends one element.
pub(super) fn list<T, E>(
    elements: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    out.push(b'[');
    for (at, element) in elements.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(element, out)?;
    }
    out.push(b']');
    Ok(())
}
