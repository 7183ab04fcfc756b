//! The order in which the service lists names in its messages: that of Java's hash tables.

/// The capacity of a hash table that nobody gave a size.
const DEFAULT: usize = 16;

/// The names as a `HashSet` that grew to hold them has them, each once.
pub(super) fn of_set<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let names = once(names);
    let mut capacity = DEFAULT;
    while names.len() * 4 > capacity * 3 {
        capacity *= 2;
    }
    by_bucket(names, capacity)
}

/// The names as a `HashMap` that was made for so many has them, each once.
pub(super) fn of_sized_map<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let names = once(names);
    let room = if names.len() < 3 { names.len() + 1 } else { names.len() + names.len() / 3 };
    by_bucket(names, room.next_power_of_two())
}

fn once<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Within a bucket the names stay in the order in which they came.
fn by_bucket(mut names: Vec<&str>, capacity: usize) -> Vec<&str> {
    names.sort_by_key(|name| {
        let hash = hash(name);
        (hash ^ hash >> 16) as usize & (capacity - 1)
    });
    names
}

/// `String.hashCode`.
fn hash(name: &str) -> u32 {
    name.encode_utf16().fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_buckets() {
        assert_eq!(hash("hello"), 99_162_322);
        assert_eq!(of_sized_map(["pk", "sk", "a", "b", "c"]), ["sk", "a", "b", "pk", "c"]);
        assert_eq!(of_set(["pk", "sk", "a", "pk"]), ["a", "sk", "pk"]);
        // Thirteen names have outgrown sixteen buckets.
        let many: Vec<String> = (0..13).map(|n| format!("x{n:02}")).collect();
        assert_eq!(of_set(many.iter().map(String::as_str)).len(), 13);
    }
}
