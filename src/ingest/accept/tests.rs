use super::*;

/// The doors spawn what they accept.
#[allow(dead_code)]
fn futures_can_be_spawned(accept: Accept, messages: Vec<Message>) {
    fn spawnable(_: impl Future + Send) {}
    spawnable(accept.accept(messages));
    spawnable(accept.accept_items(Principal::Local, TableName::new("readings").unwrap(), Vec::new()));
}
